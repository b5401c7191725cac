import Foundation
import Libpq
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres

struct FailoverTask: TaskPayload {
  static let taskType: TaskType = "test.failover"
  var number: Int64
}

/// An app with both servers' addresses: one worker, whose handler writes one row in the transaction that completes its task.
final class FailoverApp: Sendable {
  let store: PostgresTaskStore
  let client: TaskClient<PostgresTaskStore>
  private let committed = Mutex<[Entry]>([])

  init(_ connection: LibpqConfiguration) throws {
    store = try PostgresTaskStore(.init(connection, maxConnections: 20))
    client = TaskClient(store: store)
  }

  /// The rows whose commit was reported as done.
  var acknowledged: [Entry] { committed.withLock { $0 } }

  func enqueueAtOnce(_ numbers: ClosedRange<Int64>) async throws {
    _ = try await client.enqueue(all: numbers.map { FailoverTask(number: $0) })
  }

  /// Enqueues one by one. Each is tried until it is known to be there; its key makes a repetition harmless.
  func enqueue(_ numbers: ClosedRange<Int64>, callers: Int64 = 8) async throws {
    try await withThrowingTaskGroup { group in
      for caller in 0..<callers {
        group.addTask { [client] in
          for number in numbers where number % callers == caller {
            let key = UniqueKey("\(number)", periodAfterCompletion: .seconds(3_600))
            while true {
              do {
                _ = try await client.enqueue(FailoverTask(number: number), options: .with { $0.unique = key })
                break
              } catch is TaskQueueError {
                try await Task.sleep(for: .milliseconds(50))
              }
            }
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// Runs `body` beside a worker, which is shut down afterwards, and beside a producer of more tasks.
  func withWorker(enqueueing numbers: ClosedRange<Int64>? = nil, _ body: () async throws -> Void) async throws {
    var handlers = TaskHandlers()
    try handlers.register(FailoverTask.self, options: .init(retry: .fixed(.milliseconds(50)), maxAttempts: 10_000)) {
      [self] task, context in
      let entry = Entry(number: task.number, run: UUID().uuidString.lowercased())
      try await client.withCompletion(of: context) { transaction in
        _ = try await transaction.query(
          "INSERT INTO public.entry (number, run) VALUES ($1, $2::text::uuid)",
          [.int8(entry.number), .text(entry.run)]
        )
      }
      committed.withLock { $0.append(entry) }
      return .settledInTransaction
    }
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 16
    configuration.maxPrefetch = 100
    configuration.lease = .seconds(6)
    configuration.maxCrashes = 10_000
    configuration.shutdownGrace = .seconds(5)
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    try await withThrowingTaskGroup { group in
      group.addTask { try await worker.run() }
      if let numbers { group.addTask { try await self.enqueue(numbers) } }
      do { try await body() } catch {
        worker.shutDown()
        throw error
      }
      worker.shutDown()
      try await group.waitForAll()
    }
    await store.close()
  }
}
