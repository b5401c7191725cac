import Libpq
import Logging
import Outbox
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// An app with an outbox, on the database of the test.
struct Shop: Sendable {
  static let outbox = EventOutbox(schema: "shop")

  let store: PostgresTaskStore
  let transport: RecordingTransport

  var pool: LibpqPool { store.pool }
  var client: TaskClient<PostgresTaskStore> { TaskClient(store: store) }
  var outbox: EventOutbox { Self.outbox }

  static func with(
    mode: OutboxMode = .publisher,
    _ transport: RecordingTransport = RecordingTransport(),
    _ body: (Shop) async throws -> Void
  ) async throws {
    let database = try #require(TestDatabase.current)
    let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 30))
    do {
      try await outbox.migrate(store.pool)
      try await outbox.setMode(mode, in: store.pool)
      try await body(Shop(store: store, transport: transport))
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  /// Appends one event in a transaction of its own, which lasts some time after it.
  @discardableResult
  func append(_ aggregate: String, _ type: String = "changed", lasting: Duration = .zero) async throws -> String? {
    try await pool.withTransaction { transaction in
      let id = try await append(aggregate, type, in: transaction)
      if lasting > .zero { try await Task.sleep(for: lasting) }
      return id
    }
  }

  @discardableResult
  func append(_ aggregate: String, _ type: String = "changed", in transaction: LibpqTransaction) async throws -> String?
  {
    try await outbox.append(
      ["aggregate": aggregate],
      type: type,
      aggregateType: "order",
      aggregateID: aggregate,
      in: transaction
    )
  }

  func waiting(_ aggregate: String) async throws -> [OutboxEvent] {
    try await outbox.unpublished(aggregateType: "order", aggregateID: aggregate, limit: 1_000, in: pool)
  }

  func count(_ condition: String = "true") async throws -> Int {
    Int(try await pool.query("SELECT count(*) FROM shop.outbox WHERE \(condition)")[0].int8(0))
  }

  func tasks() async throws -> [TaskSnapshot] {
    try await client.tasks(limit: 1_000).filter { $0.type == outbox.taskType }
  }

  static let fast = OutboxPublisherConfiguration(
    firstRetry: .milliseconds(10),
    maxRetry: .milliseconds(100),
    deliveryTimeout: .milliseconds(500)
  )

  /// Runs a worker that publishes beside `body`.
  func publishing(
    _ configuration: OutboxPublisherConfiguration = Shop.fast,
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
    _ body: () async throws -> Void
  ) async throws {
    var handlers = TaskHandlers()
    try outbox.registerPublisher(
      in: &handlers,
      client: client,
      transport: transport,
      configuration: configuration
    )
    var worker = TaskWorkerConfiguration()
    worker.queues = [EventOutbox.queue]
    worker.lease = .seconds(2)
    worker.maxPollInterval = .milliseconds(50)
    let running = try TaskWorker(store: store, handlers: handlers, configuration: worker, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await running.run() }
      let result: Result<Void, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      running.shutDown()
      while await group.nextResult() != nil {}
      try result.get()
    }
  }

  func allPublished() async throws {
    try await eventually("all events are published") { try await count("published_at IS NULL") == 0 }
  }
}

/// Records what arrives, and fails as it is told.
final class RecordingTransport: OutboxTransport {
  struct Failed: Error {}

  enum Fate: Sendable {
    case taken
    /// Nothing arrives.
    case refused
    /// It arrives, and the answer is lost.
    case answerLost
    /// It arrives, and nobody answers.
    case hangs
  }

  private let decide: @Sendable (OutboxEvent, _ delivery: Int) -> Fate
  private let state = Mutex<(arrived: [OutboxEvent], deliveries: [String: Int])>(([], [:]))

  /// - Parameter decide: gets the event and the number of this delivery of it, from 1.
  init(_ decide: @escaping @Sendable (OutboxEvent, Int) -> Fate = { _, _ in .taken }) {
    self.decide = decide
  }

  /// In their order, repetitions too.
  var arrived: [OutboxEvent] { state.withLock { $0.arrived } }

  func deliveries(_ id: String) -> Int { state.withLock { $0.deliveries[id, default: 0] } }

  /// As a receiver sees it that passes over repetitions.
  func firsts(_ aggregate: String) -> [OutboxEvent] {
    var seen: Set<String> = []
    return arrived.filter { $0.aggregateID == aggregate && seen.insert($0.id).inserted }
  }

  /// All of an aggregate's first events have come, in order.
  func expectAll(_ aggregate: String, _ count: Int) {
    #expect(firsts(aggregate).map(\.sequence) == (1...count).map(Int64.init), "aggregate \(aggregate)")
  }

  func deliver(_ event: OutboxEvent) async throws {
    let delivery = state.withLock { state in
      state.deliveries[event.id, default: 0] += 1
      return state.deliveries[event.id, default: 0]
    }
    let fate = decide(event, delivery)
    if fate != .refused { state.withLock { $0.arrived.append(event) } }
    switch fate {
    case .taken: return
    case .refused, .answerLost: throw Failed()
    case .hangs: try await Task.sleep(for: .seconds(600))
    }
  }
}
