import Libpq
@_spi(Store) import TaskQueue

/// Lets concurrent enqueues of single tasks share statements and commits.
///
/// Only for tasks without a unique key: such a key may wait for another transaction's lock, and the group would wait with it.
final class EnqueueGroups: Sendable {
  /// Two: one group commits while the next one is gathered and parsed. Tasks per second beside one INSERT per commit on as many
  /// connections (release build, 2 cores oversubscribed by other work, so only a direction): two groups 0.7 and 1.8 times as many with
  /// 16 callers, 2.6 and 4.1 with 64 (two runs); one group 0.8 and 3.6, four 0.4 and 0.9 (one run).
  static let maxGroups = 2
  static let maxTasks = 1_000
  static let maxBytes = 1024 * 1024
  static let maxWaiters = 10_000
  /// Of a statement that meets serialization failures, where `default_transaction_isolation` is serializable.
  static let maxAttempts = 10

  private let groups: CallGroups<NewTask, EnqueueResult>

  init(pool: LibpqPool, statement: StoreStatements.Template, wakes: Bool) {
    groups = CallGroups(
      pool: pool,
      maxGroups: Self.maxGroups,
      maxMembers: Self.maxTasks,
      maxWeight: Self.maxBytes,
      maxWaiters: Self.maxWaiters,
      weight: { $0.payload.count },
      perform: { await Self.store($0, statement, wakes: wakes, on: $1, for: $2) }
    )
  }

  /// Stores the task, alone or with those of other callers. An error is this task's own, or the connection's.
  func enqueue(_ task: NewTask) async throws(TaskQueueError) -> EnqueueResult { try await groups(task) }

  /// Callers that wait at this instant.
  var waiterCount: Int { groups.waiterCount }

  /// One outcome per task. Where the server refuses the tasks, nothing of them was stored; the halves are then tried by themselves, so
  /// that in the end only those fail that are refused alone.
  private static func store(
    _ tasks: [NewTask],
    _ template: StoreStatements.Template,
    wakes: Bool,
    on connection: LibpqConnection,
    for interest: SharedInterest?,
    attempt: Int = 1
  ) async -> [Result<EnqueueResult, TaskQueueError>] {
    let failure: TaskQueueError
    let isRefusal: Bool
    do {
      let statement = template(try EnqueueBatch(tasks[...]).parameters(wakes: wakes))
      let result =
        if let interest {
          try await connection.query(statement, interruptedBy: interest.interrupter)
        } else {
          try await connection.query(statement)
        }
      return try EnqueueResult.results(result, count: tasks.count).map { .success($0) }
    } catch let error as LibpqError {
      if error.sqlState == "40001", !error.isOutcomeUnknown, attempt < maxAttempts {
        return await store(tasks, template, wakes: wakes, on: connection, for: interest, attempt: attempt + 1)
      }
      failure = TaskQueueError(error, .unsafe)
      isRefusal =
        !error.isOutcomeUnknown && (error.code == .invalidArgument || error.code == .server && !error.isRetrySafe)
    } catch {
      failure =
        error as? TaskQueueError ?? TaskQueueError(.storeFailed, "The tasks could not be sent.", underlying: error)
      isRefusal = failure.code == .encodingFailed
    }
    guard isRefusal, tasks.count > 1 else { return Array(repeating: .failure(failure), count: tasks.count) }
    let half = tasks.count / 2
    return await store(Array(tasks[..<half]), template, wakes: wakes, on: connection, for: interest)
      + store(Array(tasks[half...]), template, wakes: wakes, on: connection, for: interest)
  }
}
