/// What a worker process does.
struct WorkerSettings: Sendable {
  /// The handlers to register.
  enum Handler: String, CaseIterable, Sendable {
    /// Does nothing.
    case noOp
    /// Tells the parent when it began.
    case probe
    /// Does nothing, and leaves a line of history.
    case retained
    /// Completes its task together with one business row.
    case transactional
    /// The same in one round trip.
    case transactionalPipelined
    /// The same in batches, one transaction each.
    case transactionalBatch
    /// A no-op with a big payload.
    case large
    /// All flows.
    case flows
  }

  /// Who watches the worker.
  enum Observer: String, CaseIterable, Sendable {
    /// `TaskQueuePrometheus`.
    case metrics
    /// `TaskQueueTracing`, with a tracer that keeps its spans in memory.
    case tracing
  }

  var connectionString: String
  var schema: String
  var handlers: [Handler] = [.noOp]
  var observers: [Observer] = []
  /// Further types that never occur.
  var idleTypes = 0
  var queues: [String] = ["default"]
  /// Workers in this process, each with a store of its own.
  var workers = 1
  /// nil: the store's default.
  var connections: Int?
  /// nil: the worker's default.
  var concurrency: Int?
  /// Behind a transaction pooler off.
  var preparesStatements = true
  /// Whether to listen for wake-ups, and where if not on ``connectionString``.
  var listens = true
  var listenConnectionString: String?

  static let connectionVariable = "TASKQUEUE_BENCH_CONNECTION"
  static let listenConnectionVariable = "TASKQUEUE_BENCH_LISTEN_CONNECTION"

  /// What other users of the machine must not see: connection strings may hold passwords.
  var environment: [String: String] {
    var environment = [Self.connectionVariable: connectionString]
    environment[Self.listenConnectionVariable] = listenConnectionString
    return environment
  }

  /// For the `worker` subcommand.
  var arguments: [String] {
    var arguments = ["worker", "--schema", schema, "--workers", "\(workers)"]
    for handler in handlers { arguments += ["--handles", handler.rawValue] }
    for observer in observers { arguments += ["--observed-by", observer.rawValue] }
    for queue in queues { arguments += ["--queue", queue] }
    if idleTypes > 0 { arguments += ["--idle-types", "\(idleTypes)"] }
    if let connections { arguments += ["--connections", "\(connections)"] }
    if let concurrency { arguments += ["--concurrency", "\(concurrency)"] }
    if !preparesStatements { arguments.append("--no-prepared-statements") }
    if !listens { arguments.append("--no-listener") }
    return arguments
  }
}
