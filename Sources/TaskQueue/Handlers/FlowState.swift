import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The flow of one attempt: its journal, and the bodies of steps that run.
///
/// A body runs in a Swift task of its own, which ends when the attempt is cancelled, not when the scope is left that waits for it: what is under way
/// beside a wait is finished and recorded first.
final class FlowState: Sendable {
  /// How the step that failed last wants to be retried.
  struct StepFailure: Sendable {
    var retry: RetryPolicy?
    var maxAttempts: Int?
  }

  private struct Contents {
    var journal: FlowJournal
    /// By the worker's clock, about as long after the claim as the flow's first call.
    let start: WorkerClock.Instant
    var lastID = 0
    var bodies: [Int: (cancel: @Sendable () -> Void, end: @Sendable () async -> Void)] = [:]
    var isCancelled: Bool
    var compensations: [String: @Sendable () async throws -> Void] = [:]
    var failure: StepFailure?
    /// What a body threw while the flow was suspended already.
    var lateFailure: (any Error)?
  }

  private let steps: [FlowStep]
  private let claimedAt: Date
  private let runner: FlowRunner
  private let clock: WorkerClock
  /// nil: nothing was asked of the flow yet, and most tasks never do.
  private let contents = Mutex<Contents?>(nil)
  private let settles = Atomic(false)

  /// The step whose body runs in this Swift task.
  @TaskLocal static var isInStep = false

  init(_ task: ClaimedTask, on runner: FlowRunner, clock: WorkerClock) {
    (steps, claimedAt) = (task.steps, task.claimedAt)
    self.runner = runner
    self.clock = clock
  }

  /// Somebody asked for what settles the task in a transaction.
  func noteSettling() { settles.store(true, ordering: .relaxed) }
  /// false: nothing in the attempt can have settled it.
  var maySettle: Bool { settles.load(ordering: .relaxed) }

  private func withContents<Value>(_ body: (inout Contents) -> Value) -> Value {
    contents.withLock { contents in
      if contents == nil {
        contents = Contents(journal: FlowJournal(steps), start: clock.now, isCancelled: runner.begin(self))
      }
      return body(&contents!)
    }
  }

  /// By the store's clock; never ahead of it.
  var now: Date {
    let start = withContents { $0.start }
    return claimedAt.addingTimeInterval(start.duration(to: clock.now) / .seconds(1))
  }

  var caller: FlowJournal.Caller {
    guard let task = FlowRunner.currentTask, task != runner.task else { return .handler }
    return .child(task)
  }

  func withJournal<Value>(_ body: (inout FlowJournal) -> Value) -> Value {
    withContents { body(&$0.journal) }
  }

  // MARK: Bodies

  /// Runs the body of a step, and waits for its end whatever becomes of the scope.
  func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let task = Task { try await body() }
    let id = withContents { contents in
      contents.lastID += 1
      contents.bodies[contents.lastID] = (task.cancel, { @Sendable in _ = try? await task.value })
      if contents.isCancelled { task.cancel() }
      return contents.lastID
    }
    defer { withContents { $0.bodies[id] = nil } }
    return try await task.value
  }

  func noteFailure(_ error: any Error, _ failure: StepFailure) {
    withContents { contents in
      contents.failure = failure
      if contents.journal.isSuspended, !(error is FlowSuspension) { contents.lateFailure = error }
    }
  }

  func noteSuccess() { withContents { $0.failure = nil } }

  /// The attempt was cancelled.
  func cancel() {
    let bodies = withContents { contents in
      contents.isCancelled = true
      return Array(contents.bodies.values)
    }
    for body in bodies { body.cancel() }
  }

  // MARK: Compensation

  func register(_ registration: String, _ undo: @escaping @Sendable () async throws -> Void) {
    withContents { $0.compensations[registration] = undo }
  }

  // MARK: The end of an attempt

  /// The handler is called once more in the same attempt.
  func restart() async {
    await endBodies()
    withContents { contents in
      contents.journal.restart()
      contents.compensations = [:]
      contents.failure = nil
      contents.lateFailure = nil
    }
  }

  private func endBodies() async {
    withContents { $0.journal.end() }
    for body in withContents({ Array($0.bodies.values) }) { await body.end() }
  }

  /// What an attempt ended with.
  enum Ending: Sendable {
    /// As the handler says.
    case own
    /// Whatever the handler made of it.
    case suspended([FlowWait])
    case failed(any Error)
    /// All is undone.
    case unwound(DeadLetterReason, detail: String?)
  }

  /// Waits for what runs, undoes what is to be undone, and says how the attempt ended.
  ///
  /// - Parameter error: what the handler threw.
  func end(_ error: (any Error)?) async -> Ending {
    await endBodies()
    let (journal, lateFailure) = withContents { ($0.journal, $0.lateFailure) }
    if let mark = journal.mark {
      do { try await undo(journal.toUndo, error) } catch { return .failed(error) }
      return .unwound(DeadLetterReason(rawValue: mark.reason), detail: mark.detail)
    }
    guard journal.isSuspended, !journal.waits.isEmpty else { return .own }
    if let lateFailure { return .failed(lateFailure) }
    return .suspended(journal.waits)
  }

  /// - Parameter error: what kept the handler from reaching all of them.
  func undo(_ registrations: [String], _ error: (any Error)? = nil) async throws {
    for registration in registrations {
      guard let undo = withContents({ $0.compensations[registration] }) else {
        if let error, !(error is FlowSuspension) { throw error }
        throw FlowError(
          .compensationMissing,
          registration,
          "The handler did not reach the compensation that it registered before; does its code still have it?"
        )
      }
      try await undo()
    }
  }

  var isFlow: Bool { contents.withLock { $0.map(\.journal.isFlow) ?? !steps.isEmpty } }
  var progress: FlowProgress {
    withContents { contents in
      FlowProgress(
        hasSteps: contents.journal.hasSteps,
        isForgiven: contents.journal.hasProgressed,
        failure: contents.failure,
        isToBeUndone: contents.journal.isToBeUndone
      )
    }
  }
}

/// The Swift task that runs attempts one after another, as their flows see it. What flows need of it costs the other attempts nothing.
package final class FlowRunner: Sendable {
  private struct State {
    weak var flow: FlowState?
    var isCancelled = false
  }

  /// The one that this was made in.
  let task = FlowRunner.currentTask
  private let state = Mutex(State())

  /// Tells Swift tasks apart; nil outside of any.
  package static var currentTask: Int? { withUnsafeCurrentTask { $0?.hashValue } }

  /// Runs attempts; if the Swift task is cancelled, so are the bodies of the flow under way.
  static func run<Value: Sendable>(_ attempts: (FlowRunner) async -> Value) async -> Value {
    let runner = FlowRunner()
    return await withTaskCancellationHandler {
      await attempts(runner)
    } onCancel: {
      runner.cancel()
    }
  }

  /// - Returns: whether it is cancelled already.
  func begin(_ flow: FlowState) -> Bool {
    state.withLock { state in
      state.flow = flow
      return state.isCancelled
    }
  }

  private func cancel() {
    let flow = state.withLock { state in
      state.isCancelled = true
      return state.flow
    }
    flow?.cancel()
  }
}

/// What becomes of an attempt depends on how far its flow came.
struct FlowProgress: Sendable {
  var hasSteps = false
  /// Earlier failures count no more.
  var isForgiven = false
  var failure: FlowState.StepFailure?
  /// It has registered what undoes it.
  var isToBeUndone = false
}
