import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Flows survive SIGKILL", .serialized)
struct FlowKillTests {
  private static let books = """
    CREATE TABLE public.seen (flow bigint, step bigint, value bigint);
    CREATE TABLE public.held (flow bigint);
    CREATE TABLE public.undone (flow bigint);
    CREATE TABLE public.completed (flow bigint);
    """

  private static func enqueue(_ store: PostgresTaskStore, _ count: Int) async throws {
    let tasks = try (1...count).map { number in
      try NewTask(type: "test.crash-flow", json: Data(#"{"number":\#(number)}"#.utf8))
    }
    _ = try await store.enqueue(tasks)
  }

  @Test("Processes are killed, events come meanwhile: each flow sees one value per step, holds once, and ends once")
  func kills() async throws {
    let count = 300
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(Self.books)
      try await Self.enqueue(store, count)
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(["flows", database.postgresConfiguration.connectionString])
      }
      var workers = [try spawn(), try spawn()]
      var kills = 0
      var emitted = 0
      let end = ContinuousClock.now + .seconds(300)
      while try await store.number("SELECT count(*) FROM taskqueue.task") > 0, ContinuousClock.now < end {
        // Some events come before their flows wait for them, some after. Every third flow is to be undone.
        for number in emitted + 1...max(emitted + 1, min(count, emitted + 40)) where number <= count {
          let word = number.isMultiple(of: 3) ? #""stop""# : #""go""#
          _ = try await store.emit(FlowEvent("go/\(number)", json: Data(word.utf8), retention: .seconds(3_600)))
        }
        emitted = min(count, emitted + 40)
        try await Task.sleep(for: .milliseconds(Int.random(in: 300...900)))
        guard kills < 20 else { continue }
        workers[kills % 2].kill()
        workers[kills % 2] = try spawn()
        kills += 1
      }
      for worker in workers { worker.stop() }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 0)
      #expect(kills >= 3)
      // A value that was lost with its worker was never seen by anyone.
      #expect(
        try await store.number(
          "SELECT count(*) FROM (SELECT FROM public.seen GROUP BY flow, step HAVING count(DISTINCT value) > 1) AS s"
        ) == 0
      )
      #expect(
        try await store.number("SELECT count(*) FROM (SELECT DISTINCT flow, step FROM public.seen) AS s") == 3 * count
      )
      #expect(try await store.number("SELECT count(*) FROM public.held") == count)
      #expect(try await store.number("SELECT count(DISTINCT flow) FROM public.held") == count)
      #expect(try await store.number("SELECT count(*) FROM public.completed") == count - count / 3)
      #expect(
        try await store.number("SELECT count(DISTINCT flow) FROM public.completed WHERE flow % 3 <> 0") == count - count
          / 3
      )
      // What is undone is a step: at least once.
      #expect(try await store.number("SELECT count(DISTINCT flow) FROM public.undone WHERE flow % 3 = 0") == count / 3)
      #expect(try await store.number("SELECT count(*) FROM public.undone WHERE flow % 3 <> 0") == 0)
      #expect(
        try await store.number("SELECT count(*) FROM taskqueue.dead_task WHERE reason = 'discarded'") == count / 3
      )
      #expect(try await store.number("SELECT count(*) FROM taskqueue.event_wait") == 0)
      _ = try await store.purgeFlows(within: .seconds(60))
      #expect(
        try await store.number(
          "SELECT count(*) FROM taskqueue.step s WHERE NOT EXISTS (SELECT FROM taskqueue.dead_task d WHERE d.id = s.task_id)"
        ) == 0
      )
      await store.close()
    }
  }
}
