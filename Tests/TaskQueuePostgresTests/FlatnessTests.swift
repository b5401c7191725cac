import Foundation
import Libpq
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// What comes late, urgent or from elsewhere starts while a worker is busy with a backlog. The order of starts decides, not time.
@Suite("A busy worker overlooks nothing and nobody", .serialized)
struct FlatnessTests {
  /// More than a worker with these settings gets through in some seconds.
  private static let backlog = 30_000

  @Test("S11 A task committed late starts long before the backlog's end")
  func lateCommit() async throws {
    var writer: PostgresConnection?
    let begin = { (store: PostgresTaskStore) in
      let connection = try await PostgresConnection.connect(store.configuration.connection)
      writer = connection
      _ = try await connection.query("BEGIN")
      return TaskID(try await connection.query("SELECT taskqueue.enqueue('note', '{\"text\":\"late\"}')")[0].int8(0))
    }
    try await withBusyWorker(before: begin) { scene in
      try await scene.handles(5_000)
      let connection = try #require(writer)
      _ = try await connection.query("COMMIT")
      try await scene.expectStart(of: scene.first, within: 15_000)
      await connection.close()
    }
  }

  @Test("S2 The task of a dead worker, behind the position, starts long before the backlog's end")
  func expiredLease() async throws {
    let abandon = { (store: PostgresTaskStore) in
      let id = try await store.add("abandoned").id
      #expect(try await store.claimAll(1, lease: .seconds(1)).map(\.claim.id) == [id])
      return id
    }
    try await withBusyWorker(before: abandon) { scene in
      try await scene.expectStart(of: scene.first, within: 15_000)
    }
  }

  @Test("S19 A delayed task that becomes due starts long before the backlog's end")
  func delayed() async throws {
    try await withBusyWorker { scene in
      // As if the others came one after another, 4,000 a second.
      _ = try await scene.store.pool.query(
        "UPDATE taskqueue.task SET run_at = now() + id * interval '0.25 ms' WHERE lease_token IS NULL"
      )
      let delayed = try await scene.store.add("delayed") { $0.schedule = .after(.seconds(1)) }.id
      try await scene.expectStart(of: delayed, within: 15_000)
    }
  }

  @Test("S18 A more urgent task starts at once, whatever priorities were seen before", arguments: [-5, 1, 99])
  func urgent(priority: Int) async throws {
    try await withBusyWorker { scene in
      try await scene.handles(1_000)
      let urgent = try await scene.store.add("urgent") { $0.priority = priority }.id
      try await scene.expectStart(of: urgent, within: 5_000)
    }
  }

  @Test("A flood in one queue does not hold up another")
  func fairness() async throws {
    try await withBusyWorker(queues: [.default, "calm"]) { scene in
      try await scene.handles(1_000)
      let calm = try await scene.store.add("calm") { $0.queue = "calm" }.id
      try await scene.expectStart(of: calm, within: 5_000)
    }
  }

  @Test("With an old snapshot held, claims do not step over what is done")
  func heldSnapshot() async throws {
    try await withStore { store in
      let holder = try await PostgresConnection.connect(store.configuration.connection)
      _ = try await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
      _ = try await holder.query("SELECT count(*) FROM taskqueue.task")
      let count = 20_000
      _ = try await store.enqueue((0..<count).map { try NewTask(Note(text: "\($0)")) })
      var position = ScanPosition()
      let types: [TaskType] = ["note"]
      var request = ClaimRequest(queues: [.default], types: types, limit: 100, lease: .seconds(60), promotesDue: true)
      var settlements: [Settlement] = []
      var done = 0
      repeat {
        request.scope = .after(position)
        let exchange = try await store.exchange(settle: settlements, claim: request)
        position.advance(over: exchange.claimed, isCutShort: exchange.mayHaveMore, from: position)
        settlements = exchange.claimed.map { Settlement($0.claim, .complete) }
        done += settlements.count
      } while !settlements.isEmpty
      #expect(done == count)
      // A claim that begins at the start reads all earlier entries again: 2 million here.
      try await eventually("the statistics arrive") {
        try await store.number("SELECT coalesce(sum(n_tup_del), 0)::bigint FROM pg_stat_user_tables") >= count
      }
      let read = try await store.number(
        "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'task_claim'"
      )
      #expect(read < 3 * count, "\(read) index entries read for \(count) tasks")
      await holder.close()
    }
  }

  // MARK: The scene

  private struct BusyScene: Sendable {
    let store: PostgresTaskStore
    let started: Starts
    /// What came before the backlog.
    let first: TaskID

    /// Waits until so many tasks have started.
    func handles(_ count: Int) async throws {
      let target = started.count + count
      try await eventually("the worker goes on", within: .seconds(120)) { started.count >= target }
    }

    /// The task must start before so many others do.
    func expectStart(of id: TaskID, within others: Int) async throws {
      let before = started.count
      try await eventually("the task starts", within: .seconds(120)) { started.place(of: id) != nil }
      let place = try #require(started.place(of: id))
      #expect(place - before < others, "\(place - before) others started first")
    }
  }

  /// Remembers when each task started first: as how manieth.
  private final class Starts: Sendable {
    private let places = Mutex<[TaskID: Int]>([:])
    var count: Int { places.withLock { $0.count } }
    func place(of id: TaskID) -> Int? { places.withLock { $0[id] } }
    func add(_ id: TaskID) { places.withLock { $0[id] = $0[id] ?? $0.count } }
  }

  private func withBusyWorker(
    queues: [QueueName] = [.default],
    before: (PostgresTaskStore) async throws -> TaskID = { try await $0.add("first").id },
    _ body: (BusyScene) async throws -> Void
  ) async throws {
    try await withStore { store in
      let first = try await before(store)
      _ = try await store.enqueue((0..<Self.backlog).map { try NewTask(Note(text: "\($0)")) })
      let scene = BusyScene(store: store, started: Starts(), first: first)
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, context in
        scene.started.add(context.id)
        // About 4,000 tasks a second at most, so that the backlog outlasts the test.
        try await Task.sleep(for: .milliseconds(5))
        return .completed
      }
      var configuration = TaskWorkerConfiguration()
      configuration.queues = queues
      configuration.concurrency = 20
      let worker = try TaskWorker(
        store: store,
        handlers: handlers,
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      )
      try await run(worker) { try await body(scene) }
    }
  }
}
