import Libpq
import Synchronization
@_spi(Store) import TaskQueue

/// Lets concurrent calls share statements and commits; see `GroupStateMachine`.
///
/// Only for calls that wait for no other transaction's lock: the group would wait with them.
final class CallGroups<Call: Sendable, Outcome: Sendable>: Sendable {
  /// Why a waiting caller goes on.
  private enum Turn: Sendable {
    case lead
    case served(Result<Outcome, TaskQueueError>)
  }

  private struct Waiter: Sendable {
    let call: Call
    let continuation: CheckedContinuation<Turn, Never>
    let caller: GroupCaller
    let arrivedAt: ContinuousClock.Instant
  }

  private typealias Machine = GroupStateMachine<Waiter>

  /// One outcome per call.
  typealias Perform =
    @Sendable ([Call], LibpqConnection, SharedInterest?) async -> [Result<Outcome, TaskQueueError>]

  private let pool: LibpqPool
  private let weight: @Sendable (Call) -> Int
  private let perform: Perform
  private let machine: Mutex<Machine>
  private let nextID = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - weight: of a call, in bytes.
  ///   - perform: does the work of several callers at once.
  init(
    pool: LibpqPool,
    maxGroups: Int,
    maxMembers: Int,
    maxWeight: Int,
    maxWaiters: Int,
    weight: @escaping @Sendable (Call) -> Int,
    perform: @escaping Perform
  ) {
    self.pool = pool
    self.weight = weight
    self.perform = perform
    machine = Mutex(
      Machine(maxGroups: maxGroups, maxMembers: maxMembers, maxWeight: maxWeight, maxWaiters: maxWaiters)
    )
  }

  /// Does the call's work, alone or with that of other callers. An error is this call's own, or the connection's.
  func callAsFunction(_ call: Call) async throws(TaskQueueError) -> Outcome {
    // A follower takes no connection, but waits for one all the same.
    do { try pool.refuseNestedUse() } catch { throw TaskQueueError(error, .safe) }
    let start = ContinuousClock.now
    if machine.withLock({ $0.lead() }) { return try await lead(call, since: start) }
    switch await turn(call, since: start) {
    case .lead: return try await lead(call, since: start)
    case .served(let outcome): return try outcome.get()
    }
  }

  // MARK: - Waiting

  /// Callers that wait at this instant.
  var waiterCount: Int { machine.withLock { $0.waiterCount } }

  private func turn(_ call: Call, since start: ContinuousClock.Instant) async -> Turn {
    let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
    let caller = GroupCaller()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let turn = machine.withLock { machine -> Turn? in
          if Task.isCancelled { return .served(.failure(Self.cancelled)) }
          // Somebody may have finished since the first look.
          if machine.lead() { return .lead }
          let isWaiting = machine.wait(
            Waiter(call: call, continuation: continuation, caller: caller, arrivedAt: start),
            id: id,
            weight: weight(call)
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
    TaskQueueError(LibpqError(.cancelled, "the call was cancelled before it was made"), .safe)
  }

  private static var tooManyWaiters: TaskQueueError {
    TaskQueueError(LibpqError(.poolExhausted, "too many callers wait for their turn"), .safe)
  }

  // MARK: - Leading

  private func lead(_ call: Call, since start: ContinuousClock.Instant) async throws(TaskQueueError) -> Outcome {
    defer {
      let next = machine.withLock { $0.finish() }
      next?.continuation.resume(returning: .lead)
    }
    let beganAt = ContinuousClock.now
    do {
      return try await pool.withConnection(waitingSince: start) { connection in
        // Only now: whoever came while this caller waited for a connection goes along.
        let followers = machine.withLock { $0.take(alongside: weight(call)) }
        guard !followers.isEmpty else { return try await perform([call], connection, nil)[0].get() }
        // The cancellation of one is not the others' business.
        let interest = SharedInterest(callers: followers.count + 1)
        for follower in followers { follower.caller.join(interest) }
        let outcomes = await withTaskCancellationHandler {
          await perform([call] + followers.map(\.call), connection, interest)
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
      throw TaskQueueError(.storeFailed, "The call could not be made.", underlying: error)
    }
  }

  /// There is no connection. Who has waited as long as this leader would only learn the same, one pair after the other.
  private func giveUpWaiters(since instant: ContinuousClock.Instant, _ error: LibpqError, _ failure: TaskQueueError) {
    guard [.connectFailed, .acquireTimeout].contains(error.code) else { return }
    for waiter in machine.withLock({ $0.giveUp { $0.arrivedAt <= instant } }) {
      waiter.continuation.resume(returning: .served(.failure(failure)))
    }
  }
}
