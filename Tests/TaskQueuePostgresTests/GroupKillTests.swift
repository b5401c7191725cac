import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Children survive SIGKILL", .serialized)
struct GroupKillTests {
  @Test("Processes are killed: each parent has its children once, gets what all of them returned, and is kept once")
  func kills() async throws {
    let count = 40
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let client = TaskClient(store: store)
      try await store.pool.executeScript("CREATE TABLE public.ran (parent bigint, number bigint, id bigint)")
      let ids = try await store.enqueue(
        (1...count).map { try NewTask(type: "test.crash-parent", json: Data(#"{"number":\#($0)}"#.utf8)) }
      ).map(\.id)
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(["groups", database.postgresConfiguration.connectionString])
      }
      var workers = [try spawn(), try spawn()]
      var kills = 0
      let end = ContinuousClock.now + .seconds(300)
      while try await store.number("SELECT count(*) FROM taskqueue.task") > 0, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(Int.random(in: 200...700)))
        guard kills < 12 else { continue }
        workers[kills % 2].kill()
        workers[kills % 2] = try spawn()
        kills += 1
      }
      for worker in workers { worker.stop() }
      #expect(kills >= 2)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 0)
      // One child for each place, however often it ran.
      #expect(
        try await store.number("SELECT count(*) FROM (SELECT DISTINCT parent, number, id FROM public.ran) AS r") == 21
          * count
      )
      for (index, id) in ids.enumerated() {
        let parent = Int64(index + 1)
        let numbers = (0...20).filter { $0 != 7 }
        let expected = numbers.reduce(Int64(0)) { $0 + parent * 100 + Int64($1) }
        #expect(try await client.result(of: id, as: Int64.self) == expected)
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done") == count)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.dead_task") == count)
      _ = try await store.keepGroups(within: .seconds(60))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task_group") == 0)
      await store.close()
    }
  }
}
