/// What a store is told about an attempt. Pure: from the task, its handler's options, and how the attempt ended.
struct OutcomeRules {
  /// How an attempt ended.
  enum Ending {
    case returned(TaskOutcome)
    case threw(any Error)

    /// As far as the handler knows.
    var metricsEnd: AttemptEnd {
      switch self {
      case .returned(let outcome): AttemptEnd(outcome, nil)
      case .threw: AttemptEnd(nil, Task.isCancelled ? .requested : nil)
      }
    }
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
      return Settlement(task.claim, outcome) { policyDelay(using: &generator) }
    case .threw(let error):
      switch cancelReason {
      case .requested: return Settlement(task.claim, .bury(.cancelled, detail: nil, nil))
      case .shutdown: return Settlement(task.claim, .release)
      case .timeout: return Settlement(task.claim, failure(TaskTimedOut(limit: options.timeout ?? .zero), using: &generator))
      case .leaseLost, nil: return Settlement(task.claim, failure(error, using: &generator))
      }
    }
  }

  private func failure(_ error: any Error, using generator: inout some RandomNumberGenerator) -> Settlement.Action {
    let recorded = (error as? RetryAfter)?.underlying ?? error
    let failure = TaskFailure(
      message: TaskFailure.cleaned(String(describing: recorded)),
      errorType: String(reflecting: type(of: recorded)),
      attempt: task.attempt,
      at: now
    )
    guard task.failures + 1 < (task.maxAttempts ?? options.maxAttempts),
      let delay = delay(after: error, recordedAs: recorded, using: &generator)
    else {
      return .bury(error is UndecodablePayload ? .undecodable : .failed, detail: nil, failure)
    }
    return .fail(failure, retryAfter: delay.asDelay)
  }

  /// nil: never again.
  private func delay(
    after error: any Error,
    recordedAs recorded: any Error,
    using generator: inout some RandomNumberGenerator
  ) -> Duration? {
    if options.neverRetry.contains(where: { $0 == type(of: recorded) }) { return nil }
    let delay = (error as? any RetryAfterError)?.retryAfter ?? policyDelay(using: &generator)
    guard let onFailure = options.onFailure else { return delay }
    let attempt = FailedAttempt(
      error: recorded,
      type: task.type,
      attempt: task.attempt,
      failures: task.failures + 1,
      delay: delay.asDelay
    )
    return switch onFailure(attempt).rule {
    case .byPolicy: delay
    case .after(let other): other
    case .never: nil
    }
  }

  private func policyDelay(using generator: inout some RandomNumberGenerator) -> Duration {
    let policy = task.retry.map { RetryPolicy($0) } ?? options.retry
    return policy.delay(afterAttempt: task.attempt, using: &generator)
  }
}
