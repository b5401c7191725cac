import ArgumentParser
import Foundation
import InMemoryTracing
import Libpq
import Logging
import Metrics
import TaskQueue
import TaskQueuePostgres
import TaskQueuePrometheus
import TaskQueueTracing

/// `taskqueue-bench worker`: what is measured, in a process of its own. Started by the other subcommands.
struct WorkerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "worker",
    abstract: "Runs workers for a benchmark that reads their progress from standard output.",
    shouldDisplay: false
  )

  @Option var schema = BenchmarkDatabase.schema
  @Option var handles: [WorkerSettings.Handler] = []
  @Option var observedBy: [WorkerSettings.Observer] = []
  @Option var queue: [String] = []
  @Option var workers = 1
  @Option var idleTypes = 0
  @Option var connections: Int?
  @Option var concurrency: Int?
  @Flag(inversion: .prefixedNo) var preparedStatements = true
  @Flag(inversion: .prefixedNo) var listener = true

  func run() async throws {
    let output = WorkerOutput()
    if observedBy.contains(.metrics) { MetricsSystem.bootstrap(PrometheusMetrics()) }
    var running: [TaskWorker] = []
    var stores: [PostgresTaskStore] = []
    for _ in 0..<workers {
      let store = try makeStore()
      // Connects, as a process does that has run for a while.
      _ = try await store.pool.query("SELECT 1")
      stores.append(store)
      running.append(try makeWorker(store, output))
    }
    let all = running
    let (start, started) = AsyncStream.makeStream(of: Void.self)
    Thread.detachNewThread {
      Self.obey(output, onGo: { started.finish() }, onStop: { for worker in all { worker.shutDown() } })
    }
    Thread.detachNewThread { output.follow() }
    output.tell(.ready)
    for await _ in start {}
    output.begin()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in all { group.addTask { try await worker.run() } }
      try await group.waitForAll()
    }
    for store in stores { await store.close() }
  }

  /// Reads orders until the parent is gone.
  private static func obey(_ output: WorkerOutput, onGo: () -> Void, onStop: () -> Void) -> Never {
    while let line = readLine() {
      switch WorkerOrder(rawValue: line) {
      case .go: onGo()
      case .usage: output.tellUsage()
      case .stop:
        onGo()
        onStop()
      case nil: break
      }
    }
    Foundation.exit(1)
  }

  private func makeStore() throws -> PostgresTaskStore {
    let environment = ProcessInfo.processInfo.environment
    guard let connection = environment[WorkerSettings.connectionVariable] else {
      throw ValidationError("This subcommand is for the others to use.")
    }
    var database = LibpqConfiguration(connection)
    database.preparesStatements = preparedStatements
    database.applicationName = BenchmarkDatabase.workerName
    var configuration = PostgresStoreConfiguration(database, schema: schema)
    if let connections { configuration.maxConnections = connections }
    configuration.listenConnection = environment[WorkerSettings.listenConnectionVariable].map {
      LibpqConfiguration($0)
    }
    return try PostgresTaskStore(configuration)
  }

  private func makeWorker(_ store: PostgresTaskStore, _ output: WorkerOutput) throws -> TaskWorker {
    var handlers = TaskHandlers()
    for handler in handles { try register(handler, store, output, in: &handlers) }
    try handlers.registerIdle(idleTypes)
    var configuration = TaskWorkerConfiguration()
    if !queue.isEmpty { configuration.queues = queue.map { QueueName($0) } }
    configuration.listensForWakeUps = listener
    if let concurrency { configuration.concurrency = concurrency }
    var logger = Logger(label: "taskqueue-bench.worker") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .warning
    return try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      middleware: observedBy.contains(.tracing) ? [TracingMiddleware(tracer: InMemoryTracer())] : [],
      logger: logger
    )
  }

  private func register(
    _ handler: WorkerSettings.Handler,
    _ store: PostgresTaskStore,
    _ output: WorkerOutput,
    in handlers: inout TaskHandlers
  ) throws {
    switch handler {
    case .noOp:
      try handlers.register(NoOp.self) { _, _ in
        output.countHandled()
        return .completed
      }
    case .retained:
      try handlers.register(NoOp.self, options: TaskHandlerOptions(retain: .seconds(3_600))) { _, _ in
        output.countHandled()
        return .completed
      }
    case .probe:
      try handlers.register(Probe.self) { probe, _ in
        output.tell(.probe(number: probe.number, nanoseconds: MonotonicTime.nanoseconds))
        output.countHandled()
        return .completed
      }
    case .transactional:
      try handlers.register(Transactional.self) { task, context in
        try await TaskClient(store: store).withCompletion(of: context) { transaction in
          _ = try await transaction.query(
            LibpqStatement(RawStatements.business, [.int8(Int64(task.number))], name: "bench_business")
          )
        }
        output.countHandled()
        return .settledInTransaction
      }
    case .transactionalPipelined:
      try handlers.register(Transactional.self) { task, context in
        try await TaskClient(store: store).complete(
          context,
          with: [LibpqStatement(RawStatements.business, [.int8(Int64(task.number))], name: "bench_business")]
        )
        output.countHandled()
        return .settledInTransaction
      }
    case .transactionalBatch:
      try handlers.registerBatch(Transactional.self, upTo: 500) { tasks, batch in
        try await TaskClient(store: store).withCompletion(of: tasks, in: batch) { transaction, tasks in
          _ = try await transaction.query(
            LibpqStatement(
              RawStatements.businessBatch,
              [.int8Array(tasks.map { Int64($0.payload.number) })],
              name: "bench_business_batch"
            )
          )
        }
        for _ in tasks { output.countHandled() }
      }
    case .flows: try registerFlows(output, in: &handlers)
    case .large:
      try handlers.register(Large.self) { _, _ in
        output.countHandled()
        return .completed
      }
    }
  }
}

extension WorkerSettings.Handler: ExpressibleByArgument {}
extension WorkerSettings.Observer: ExpressibleByArgument {}
