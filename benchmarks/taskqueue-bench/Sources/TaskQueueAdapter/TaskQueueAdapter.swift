import Foundation
import Libpq
import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres
import UnixSignals

/// One replica of the queue under the harness: offers jobs, works on them and tells how it goes, until SIGTERM.
@main
struct TaskQueueAdapter {
  /// A run that can't begin (`EX_USAGE`).
  private static let usage: Int32 = 64

  static func main() async {
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = .warning
      return handler
    }
    let settings: AdapterSettings
    do { settings = try AdapterSettings(ProcessInfo.processInfo.environment) } catch { fail(error, usage) }
    do { try await run(settings) } catch { fail(error, EXIT_FAILURE) }
  }

  private static func fail(_ error: any Error, _ status: Int32) -> Never {
    FileHandle.standardError.write(Data("taskqueue-bench: \(error)\n".utf8))
    exit(status)
  }

  private static func run(_ settings: AdapterSettings) async throws {
    var database = LibpqConfiguration(settings.connectionString)
    database.applicationName = "taskqueue-bench \(settings.instance)"
    let migrator = Migrator(configuration: database)
    try await migrator.migrate()
    let store = try PostgresTaskStore(.init(database))
    try await describe(settings, store, migrator)

    let meter = Meter()
    let logger = Logger(label: "taskqueue-bench")
    let client = TaskClient(store: store)
    let worker = try makeWorker(settings, store, meter, logger)
    // Shut down from the last one: nothing is offered any more, what runs ends, the last figures are written.
    try await ServiceGroup(
      services: [
        Sampler(settings: settings, meter: meter), worker,
        DepthReader(client: client, settings: settings, meter: meter),
        JobProducer(client: client, settings: settings, meter: meter, logger: logger),
      ],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: logger
    ).run()
    await store.close()
  }

  private static func describe(
    _ settings: AdapterSettings,
    _ store: PostgresTaskStore,
    _ migrator: Migrator
  ) async throws {
    let schemaVersion = try await migrator.status().applied.last?.version ?? 0
    try AdapterOutput.write(
      DescriptorLine(
        version: settings.version,
        schemaVersion: "\(schemaVersion)",
        databaseName: try await store.pool.query("SELECT current_database()")[0].text(0),
        startedAt: AdapterOutput.time(Date()),
        instance: settings.instance
      )
    )
  }

  private static func makeWorker(
    _ settings: AdapterSettings,
    _ store: PostgresTaskStore,
    _ meter: Meter,
    _ logger: Logger
  ) throws -> TaskWorker {
    var handlers = TaskHandlers()
    try handlers.register(BenchJob.self) { job, _ in
      meter.began(job)
      if settings.work > .zero { try await Task.sleep(for: settings.work) }
      meter.completed()
      return .completed
    }
    var configuration = TaskWorkerConfiguration()
    configuration.version = settings.version
    configuration.queues = BenchJob.queues(settings.queues)
    configuration.concurrency = settings.concurrency
    configuration.lease = settings.lease
    // The harness gives 5 s for all.
    configuration.shutdownGrace = .seconds(2)
    configuration.cancellationGrace = .seconds(1)
    return try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: logger)
  }
}
