import Synchronization

/// A task of a batch: its payload, and what a handler knows about its attempt.
public struct BatchTask<Payload: Sendable>: Sendable {
  public let payload: Payload
  public let context: TaskContext
  let batch: TaskBatch
  let index: Int
}

/// Tasks of one type that one call of a handler runs together (``TaskHandlers/registerBatch(_:upTo:atATime:gathering:options:_:)``).
///
/// Each has an outcome of its own. One that is not told is ``TaskOutcome/completed`` when the handler returns, and what the handler throws
/// when it throws. What is said of a task of another batch holds for that one's own, and for nothing once its handler has returned.
public final class TaskBatch: Sendable {
  private enum Report {
    case outcome(TaskOutcome)
    case failure(any Error)
  }

  private struct State {
    var reports: [Int: Report] = [:]
    /// Of tasks whose attempts were cancelled.
    var cancelled: Set<Int> = []
    var handler: Task<Void, Never>?
  }

  let count: Int
  private let state = Mutex(State())

  init(count: Int) { self.count = count }

  /// Says how a task's attempt ended, instead of completed. The last word counts.
  public func settle<Payload>(_ task: BatchTask<Payload>, _ outcome: TaskOutcome) {
    task.batch.state.withLock { $0.reports[task.index] = .outcome(outcome) }
  }

  /// A task failed: it is retried by its own policy, and the others go on. The last word counts.
  public func fail<Payload>(_ task: BatchTask<Payload>, _ error: any Error) {
    task.batch.state.withLock { $0.reports[task.index] = .failure(error) }
  }

  /// Whether the task's attempt was cancelled: its lease was lost, its time is up, somebody cancelled it, or the worker shuts down. What is
  /// written for it without a fence would be written twice. The handler itself is cancelled once this is so of all tasks.
  public func isCancelled<Payload>(_ task: BatchTask<Payload>) -> Bool {
    task.batch.state.withLock { $0.cancelled.contains(task.index) }
  }

  /// Whether the outcome is told already.
  func isSettled<Payload>(_ task: BatchTask<Payload>) -> Bool {
    task.batch.state.withLock { $0.reports[task.index] != nil }
  }

  /// - Returns: whether all of them are now.
  func cancel(_ index: Int) -> Bool {
    let (isLast, handler) = state.withLock { state in
      let isLast = state.cancelled.insert(index).inserted && state.cancelled.count == count
      return (isLast, isLast ? state.handler : nil)
    }
    handler?.cancel()
    return isLast
  }

  /// - Parameter handler: is cancelled once all tasks are.
  func begin(_ handler: Task<Void, Never>) {
    let isCancelled = state.withLock { state in
      state.handler = handler
      return state.cancelled.count == count
    }
    if isCancelled { handler.cancel() }
  }

  /// How the task's attempt ended, once the handler has.
  func result(of index: Int, _ error: (any Error)?) -> Result<TaskOutcome, any Error> {
    state.withLock { state in
      switch state.reports[index] {
      case .outcome(let outcome): .success(outcome)
      case .failure(let failure): .failure(failure)
      case nil: error.map { .failure($0) } ?? .success(.completed)
      }
    }
  }
}
