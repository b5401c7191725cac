import Libpq
import Synchronization
@_spi(Store) import TaskQueue

/// Lets concurrent enqueues of single tasks share statements and commits; see `GroupStateMachine`.
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

  /// Why a waiting caller goes on.
  private enum Turn: Sendable {
    case lead
    case served(Result<EnqueueResult, TaskQueueError>)
  }

  private struct Waiter: Sendable {
    let task: NewTask
    let continuation: CheckedContinuation<Turn, Never>
    let caller: EnqueueCaller
    let arrivedAt: ContinuousClock.Instant
  }

  private typealias Machine = GroupStateMachine<Waiter>

  private let pool: LibpqPool
  private let statement: StoreStatements.Template
  private let wakes: Bool
  private let machine: Mutex<Machine>
  private let nextID = Atomic<UInt64>(0)

  init(pool: LibpqPool, statement: StoreStatements.Template, wakes: Bool) {
    self.pool = pool
    self.statement = statement
    self.wakes = wakes
    machine = Mutex(
      Machine(
        maxGroups: Self.maxGroups,
        maxMembers: Self.maxTasks,
        maxWeight: Self.maxBytes,
        maxWaiters: Self.maxWaiters
      )
    )
  }

  /// Stores the task, alone or with those of other callers. An error is this task's own, or the connection's.
  func enqueue(_ task: NewTask) async throws(TaskQueueError) -> EnqueueResult {
    // A follower takes no connection, but waits for one all the same.
    do { try pool.refuseNestedUse() } catch { throw TaskQueueError(error, .safe) }
    let start = ContinuousClock.now
    if machine.withLock({ $0.lead() }) { return try await lead(task, since: start) }
    switch await turn(task, since: start) {
    case .lead: return try await lead(task, since: start)
    case .served(let outcome): return try outcome.get()
    }
  }

  // MARK: - Waiting

  /// Callers that wait at this instant.
  var waiterCount: Int { machine.withLock { $0.waiterCount } }

  private func turn(_ task: NewTask, since start: ContinuousClock.Instant) async -> Turn {
    let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
    let caller = EnqueueCaller()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let turn = machine.withLock { machine -> Turn? in
          if Task.isCancelled { return .served(.failure(Self.cancelled)) }
          // Somebody may have finished since the first look.
          if machine.lead() { return .lead }
          let isWaiting = machine.wait(
            Waiter(task: task, continuation: continuation, caller: caller, arrivedAt: start),
            id: id,
            weight: task.payload.count
          )
          return isWaiting ? nil : .served(.failure(Self.tooManyWaiters))
        }
        if let turn { continuation.resume(returning: turn) }
      }
    } onCancel: {
      if let waiter = machine.withLock({ $0.cancel(id: id) }) {
        waiter.continuation.resume(returning: .served(.failure(Self.cancelled)))
      } else {
        caller.cancel()
      }
    }
  }

  private static var cancelled: TaskQueueError {
    TaskQueueError(LibpqError(.cancelled, "the task was cancelled before it was stored"), .safe)
  }

  private static var tooManyWaiters: TaskQueueError {
    TaskQueueError(LibpqError(.poolExhausted, "too many callers wait to enqueue"), .safe)
  }

  // MARK: - Leading

  private func lead(_ task: NewTask, since start: ContinuousClock.Instant) async throws(TaskQueueError) -> EnqueueResult
  {
    defer {
      let next = machine.withLock { $0.finish() }
      next?.continuation.resume(returning: .lead)
    }
    let beganAt = ContinuousClock.now
    do {
      return try await pool.withConnection(waitingSince: start) { connection in
        // Only now: whoever came while this caller waited for a connection goes along.
        let followers = machine.withLock { $0.take(alongside: task.payload.count) }
        guard !followers.isEmpty else { return try await store([task], on: connection, for: nil)[0].get() }
        // The cancellation of one is not the others' business.
        let interest = SharedInterest(callers: followers.count + 1)
        for follower in followers { follower.caller.join(interest) }
        let outcomes = await withTaskCancellationHandler {
          await store([task] + followers.map(\.task), on: connection, for: interest)
        } onCancel: {
          interest.leave()
        }
        for (follower, outcome) in zip(followers, outcomes.dropFirst()) {
          follower.continuation.resume(returning: .served(outcome))
        }
        return try outcomes[0].get()
      }
    } catch let error as TaskQueueError {
      throw error
    } catch let error as LibpqError {
      let failure = TaskQueueError(error, .safe)
      giveUpWaiters(since: beganAt, error, failure)
      throw failure
    } catch {
      throw TaskQueueError(.storeFailed, "The task could not be stored.", underlying: error)
    }
  }

  /// There is no connection. Who has waited as long as this leader would only learn the same, one pair after the other.
  private func giveUpWaiters(since instant: ContinuousClock.Instant, _ error: LibpqError, _ failure: TaskQueueError) {
    guard [.connectFailed, .acquireTimeout].contains(error.code) else { return }
    for waiter in machine.withLock({ $0.giveUp { $0.arrivedAt <= instant } }) {
      waiter.continuation.resume(returning: .served(.failure(failure)))
    }
  }

  /// One outcome per task. Where the server refuses the tasks, nothing of them was stored; the halves are then tried by themselves, so
  /// that in the end only those fail that are refused alone.
  private func store(
    _ tasks: [NewTask],
    on connection: LibpqConnection,
    for interest: SharedInterest?,
    attempt: Int = 1
  ) async -> [Result<EnqueueResult, TaskQueueError>] {
    let failure: TaskQueueError
    let isRefusal: Bool
    do {
      let statement = statement(try EnqueueBatch(tasks[...]).parameters(wakes: wakes))
      let result =
        if let interest {
          try await connection.query(statement, interruptedBy: interest.interrupter)
        } else {
          try await connection.query(statement)
        }
      return try EnqueueResult.results(result, count: tasks.count).map { .success($0) }
    } catch let error as LibpqError {
      if error.sqlState == "40001", !error.isOutcomeUnknown, attempt < Self.maxAttempts {
        return await store(tasks, on: connection, for: interest, attempt: attempt + 1)
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
    return await store(Array(tasks[..<half]), on: connection, for: interest)
      + store(Array(tasks[half...]), on: connection, for: interest)
  }
}
