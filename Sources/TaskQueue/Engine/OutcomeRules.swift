/// What a store is told about an attempt. Pure: from the task, its handler's options, and how the attempt ended.
struct OutcomeRules {
  /// How an attempt ended.
  enum Ending {
    case returned(TaskOutcome)
    case threw(any Error)
  }

  let task: ClaimedTask
  let options: TaskHandlerOptions
  /// Seconds since 1970, for the error history.
  let now: Double

  /// - Returns: nil: nothing is to be recorded.
  func settlement(
    for ending: Ending,
    cancelReason: CancelReason?,
    using generator: inout some RandomNumberGenerator
  ) -> Settlement? {
    if case .leaseLost = cancelReason { return nil }
    switch ending {
    case .returned(let outcome):
      return action(for: outcome, using: &generator).map { Settlement(task.claim, $0) }
    case .threw(let error):
      switch cancelReason {
      case .requested: return Settlement(task.claim, .bury(.cancelled, detail: nil, nil))
      case .shutdown: return Settlement(task.claim, .release)
      case .timeout: return Settlement(task.claim, failure(HandlerTimedOut(limit: options.timeout), using: &generator))
      case .leaseLost, nil: return Settlement(task.claim, failure(error, using: &generator))
      }
    }
  }

  private func action(
    for outcome: TaskOutcome,
    using generator: inout some RandomNumberGenerator
  ) -> Settlement.Action? {
    switch outcome {
    case .completed: .complete
    case .completedInTransaction: nil
    case .again: .reschedule(after: delay(using: &generator), returnsAttempt: false)
    case .retry(let after): .reschedule(after: clamp(after), returnsAttempt: false)
    case .snooze(let after): .reschedule(after: clamp(after), returnsAttempt: true)
    case .discard(let reason): .bury(.discarded, detail: TaskFailure.cleaned(reason), nil)
    }
  }

  private func failure(_ error: any Error, using generator: inout some RandomNumberGenerator) -> Settlement.Action {
    let failure = TaskFailure(
      message: TaskFailure.cleaned(String(describing: error)),
      errorType: String(reflecting: type(of: error)),
      attempt: task.attempt,
      at: now
    )
    guard task.failures + 1 < (task.maxAttempts ?? options.maxAttempts) else {
      return .bury(error is UndecodablePayload ? .undecodable : .failed, detail: nil, failure)
    }
    return .fail(failure, retryAfter: delay(using: &generator))
  }

  private func delay(using generator: inout some RandomNumberGenerator) -> Duration {
    let policy = task.retry.map { RetryPolicy($0) } ?? options.retry
    return clamp(policy.delay(afterAttempt: task.attempt, using: &generator))
  }

  private func clamp(_ delay: Duration) -> Duration { min(max(.zero, delay), Limits.delay) }
}

/// The handler was cancelled because it ran longer than its timeout.
struct HandlerTimedOut: Error, CustomStringConvertible {
  let limit: Duration?
  var description: String { "The handler ran longer than its timeout of \(limit.map { "\($0)" } ?? "none")." }
}
