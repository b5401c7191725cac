import Foundation
import Libpq
import Logging
import Outbox
import TaskQueue
import TaskQueuePostgres

/// A worker that delivers the events of the outbox `shop` to a table, on connections of its own.
///
/// It commits each delivery. One of the type `stalls` then never answers, for the first time: there the test kills it.
enum OutboxCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 10))
    var handlers = TaskHandlers()
    try EventOutbox(schema: "shop").registerPublisher(
      in: &handlers,
      client: TaskClient(store: store),
      transport: TableTransport(pool: LibpqPool(database, maxConnections: 10)),
      configuration: .init(firstRetry: .milliseconds(20), maxRetry: .milliseconds(100))
    )
    var configuration = TaskWorkerConfiguration()
    configuration.queues = [EventOutbox.queue]
    configuration.lease = .milliseconds(1_000)
    configuration.maxPollInterval = .milliseconds(50)
    configuration.maxCrashes = 100_000
    configuration.concurrency = 4
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "crash-test-worker") { _ in SwiftLogNoOpLogHandler() }
    )
    try await CrashTestWorker.runUntilInputEnds(worker)
  }
}

private struct TableTransport: OutboxTransport {
  let pool: LibpqPool

  func deliver(_ event: OutboxEvent) async throws {
    let result = try await pool.query(
      """
      INSERT INTO public.receipt (event_id, aggregate_id, sequence) VALUES ($1, $2, $3)
      RETURNING (SELECT count(*) FROM public.receipt WHERE event_id = $1)
      """,
      [.text(event.id), .text(event.aggregateID), .int8(event.sequence)]
    )
    let isFirst = try result[0].int8(0) == 0
    if isFirst, event.type == "stalls" { try await Task.sleep(for: .seconds(600)) }
  }
}
