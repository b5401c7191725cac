import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit

struct Note: TaskPayload, Equatable {
  static let taskType: TaskType = "note"
  var text: String
}

/// Runs `body` with a store on a database of its own.
func withStore<Value>(
  schema: String = "taskqueue",
  _ body: (PostgresTaskStore) async throws -> Value
) async throws -> Value {
  try await withTestDatabase { database in
    let store = try PostgresTaskStore(.init(database.postgresConfiguration, schema: schema))
    do {
      let value = try await body(store)
      await store.close()
      return value
    } catch {
      await store.close()
      throw error
    }
  }
}

extension PostgresTaskStore {
  /// What another client does or sees while the calling task's transaction is open; that task itself may not ask the pool for a second
  /// connection.
  func elsewhere<Value: Sendable>(
    _ body: @escaping @Sendable (PostgresTaskStore) async throws -> Value
  ) async throws -> Value {
    try await Task.detached { try await body(self) }.value
  }

  func add(_ text: String, _ change: (inout EnqueueOptions) -> Void = { _ in }) async throws -> EnqueueResult {
    try await enqueue([NewTask(Note(text: text), options: .with(change))])[0]
  }

  func claimAll(
    _ limit: Int = 100,
    queues: [QueueName] = [.default],
    types: [TaskType] = ["note"],
    lease: Duration = .seconds(60)
  ) async throws -> [ClaimedTask] {
    let request = ClaimRequest(queues: queues, types: types, limit: limit, lease: lease, promotesDue: true)
    return try await exchange(settle: [], claim: request).claimed
  }

  func settle(_ claim: Claim, _ action: Settlement.Action) async throws -> Bool {
    try await exchange(settle: [Settlement(claim, action)], claim: nil).applied[0]
  }

  /// Lets every lease run out now.
  func endLeases() async throws {
    try await pool.query("UPDATE taskqueue.task SET lease_until = now() - interval '1 s' WHERE lease_token IS NOT NULL")
  }

  func number(_ sql: String) async throws -> Int {
    Int(try await pool.query(sql)[0].int8(0))
  }
}

/// Runs the worker beside the body and shuts it down gracefully after it.
func run(_ worker: TaskWorker, _ body: () async throws -> Void) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await worker.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    worker.shutDown()
    try await group.waitForAll()
    try result.get()
  }
}

extension ClaimedTask {
  var text: String { (try? JSONDecoder().decode(Note.self, from: payload).text) ?? "?" }
}

extension TaskFailure {
  static let sample = TaskFailure(message: "no\0thing", errorType: "Sample", attempt: 1, at: 1)
}
