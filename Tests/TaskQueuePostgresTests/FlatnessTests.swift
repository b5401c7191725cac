import Foundation
import Libpq
import Logging
import Synchronization
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueue

/// What comes late, urgent or from elsewhere starts while a worker is busy with a backlog. The order of starts decides, not time.
@Suite("A busy worker overlooks nothing and nobody", .serialized)
struct FlatnessTests {
  /// More than a worker with these settings gets through in some seconds.
  private static let backlog = 30_000

  @Test("S11 A task committed late starts long before the backlog's end", arguments: [false, true])
  func lateCommit(nearsighted: Bool) async throws {
    var writer: LibpqConnection?
    let begin = { (store: PostgresTaskStore) in
      let connection = try await LibpqConnection.connect(store.configuration.connection)
      writer = connection
      _ = try await connection.query("BEGIN")
      return TaskID(try await connection.query("SELECT taskqueue.enqueue('note', '{\"text\":\"late\"}')")[0].int8(0))
    }
    try await withBusyWorker(decorated: Self.store(nearsighted), before: begin) { scene in
      try await scene.handles(5_000)
      let connection = try #require(writer)
      _ = try await connection.query("COMMIT")
      try await scene.expectStart(of: scene.first, within: 15_000)
      await connection.close()
    }
  }

  @Test("A task that somebody locks meanwhile starts long before the backlog's end")
  func lockedMeanwhile() async throws {
    var holder: LibpqConnection?
    let lock = { (store: PostgresTaskStore) in
      let id = try await store.add("locked").id
      let connection = try await LibpqConnection.connect(store.configuration.connection)
      holder = connection
      _ = try await connection.query("BEGIN")
      let lock = "SELECT id FROM taskqueue.task WHERE id = \(id.rawValue) FOR UPDATE"
      _ = try await connection.query(LibpqStatement(lock))
      return id
    }
    try await withBusyWorker(before: lock) { scene in
      try await scene.handles(5_000)
      let connection = try #require(holder)
      _ = try await connection.query("COMMIT")
      try await scene.expectStart(of: scene.first, within: 15_000)
      await connection.close()
    }
  }

  private static func store(_ isNearsighted: Bool) -> (PostgresTaskStore) -> any StoreContract {
    { isNearsighted ? NearsightedStore(base: $0) : $0 as any StoreContract }
  }

  /// Never looks at everything.
  private struct NearsightedStore: StoreDecorator {
    let base: any StoreContract

    func exchange(
      settle: [Settlement],
      claim: ClaimRequest?,
      within limit: Duration
    ) async throws(TaskQueueError) -> Exchange {
      var claim = claim
      if case .rescan(let position) = claim?.scope { claim?.scope = .after(position) }
      return try await base.exchange(settle: settle, claim: claim)
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
        "UPDATE taskqueue.task SET due_at = now() + id * interval '0.25 ms' WHERE lease_token IS NULL"
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
    try await withHeldSnapshot { store, _, done in
      // A claim that begins at the start reads all earlier entries again: 2 million here.
      let read = try await claimIndexReads(store)
      #expect(read < 3 * done, "\(read) index entries read for \(done) tasks")
    }
  }

  @Test("With an old snapshot held, a look behind a late commit does not step over what was done before it")
  func lateLook() async throws {
    try await withHeldSnapshot { store, start, _ in
      var (watch, position) = (CommitWatch(), start)
      func look() async throws -> Date? { watch.note(try #require(try await store.openWriters())) }
      func claim() async throws -> [TaskID] {
        var request = ClaimRequest(
          queues: [.default],
          types: ["note"],
          limit: 9,
          lease: .seconds(60),
          promotesDue: false
        )
        request.scope = .after(position)
        let claimed = try await store.exchange(settle: [], claim: request).claimed
        position.advance(over: claimed, isCutShort: false, from: position)
        return claimed.map(\.claim.id)
      }
      let before = try await claimIndexReads(store)
      let writer = try await LibpqConnection.connect(store.configuration.connection)
      _ = try await look()
      _ = try await writer.query("BEGIN")
      let late = try await writer.query("SELECT taskqueue.enqueue('note', '{}')")[0].int8(0)
      _ = try await look()
      // Time has to pass until claims do not look so far back.
      try await Task.sleep(for: ScanPosition.commitWindow * 2)
      let next = try await store.add("next").id
      try await Task.sleep(for: ScanPosition.commitWindow * 2)
      #expect(try await claim() == [next])
      _ = try await look()
      _ = try await writer.query("COMMIT")
      #expect(try await claim().isEmpty)
      position.goBack(to: try #require(try await look()))
      #expect(try await claim() == [TaskID(late)])
      try await eventually("the statistics arrive") { try await claimIndexReads(store) > before }
      let read = try await claimIndexReads(store) - before
      #expect(read < 100, "\(read) index entries read")
      await writer.close()
    }
  }

  /// Runs the body when 20,000 tasks have been done that cannot be removed.
  private func withHeldSnapshot(_ body: (PostgresTaskStore, ScanPosition, Int) async throws -> Void) async throws {
    try await withStore { store in
      let holder = try await LibpqConnection.connect(store.configuration.connection)
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
      try await eventually("the statistics arrive") {
        try await store.number("SELECT coalesce(sum(n_tup_del), 0)::bigint FROM pg_stat_user_tables") >= count
      }
      try await body(store, position, done)
      await holder.close()
    }
  }

  private func claimIndexReads(_ store: PostgresTaskStore) async throws -> Int {
    try await store.number("SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'task_claim'")
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
      try await eventually("the worker goes on") { started.count >= target }
    }

    /// The task must start before so many others do.
    func expectStart(of id: TaskID, within others: Int) async throws {
      let before = started.count
      try await eventually("the task starts") { started.place(of: id) != nil }
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
    decorated: (PostgresTaskStore) -> any StoreContract = { $0 },
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
        store: decorated(store),
        handlers: handlers,
        configuration: configuration,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      )
      try await run(worker) { try await body(scene) }
    }
  }
}
