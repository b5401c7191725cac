/// What a store is told about an attempt. Pure: from the task, its handler's options, and how the attempt ended.
struct OutcomeRules {
  /// How an attempt ended.
  enum Ending {
    case returned(TaskOutcome)
    case threw(any Error)
    /// A flow waits, whatever the handler made of that.
    case suspended([FlowWait])
    /// A flow that had failed for good is undone.
    case unwound(DeadLetterReason, detail: String?)
  }

  /// So many attempts more than failures may end with an error that passes; further ones count as failures.
  private static var maxPassing: Int { 20 }
  private static var maxPassingDelay: Duration { .seconds(60) }

  let task: ClaimedTask
  let options: TaskHandlerOptions
  /// How far its flow came, if it is one.
  var progress = FlowProgress()
  /// Seconds since 1970, for the error history.
  let now: Double

  func judgement(
    of ending: Ending,
    cancelReason: CancelReason?,
    using generator: inout some RandomNumberGenerator
  ) -> Judgement {
    if case .leaseLost = cancelReason { return .nothing }
    switch ending {
    case .returned(let outcome):
      let settlement = Settlement(task, outcome, hasSteps: progress.hasSteps, retain: options.retain) {
        policyDelay(using: &generator)
      }
      return Judgement(settlement: settlement)
    case .suspended(let waits): return settled(.suspend(waits))
    case .unwound(let reason, let detail): return settled(.bury(reason, detail: detail, nil))
    case .threw(let error):
      switch cancelReason {
      case .requested: return settled(.bury(.cancelled, detail: nil, nil))
      case .shutdown: return settled(.release)
      case .timeout: return settled(failure(TaskTimedOut(limit: options.timeout ?? .zero), using: &generator))
      case .leaseLost, nil: break
      }
      if passes(error), attempt - failures <= Self.maxPassing {
        let delay = min(.milliseconds(500) * (1 << min(attempt, 10)), Self.maxPassingDelay)
        let jittered = delay * Double.random(in: 0.5...1, using: &generator)
        var judgement = settled(.reschedule(after: jittered, returnsAttempt: false))
        judgement.passing = record(error)
        return judgement
      }
      return settled(failure(error, using: &generator))
    }
  }

  /// What failed before the last step counts no more.
  private var attempt: Int { progress.isForgiven && (task.failures > 0 || task.crashes > 0) ? 1 : task.attempt }
  private var failures: Int { progress.isForgiven ? 0 : task.failures }

  private func passes(_ error: any Error) -> Bool {
    (error as? any PassingError)?.isPassing == true && !options.neverRetry.contains { $0 == type(of: error) }
  }

  private func settled(_ action: Settlement.Action) -> Judgement {
    Judgement(settlement: Settlement(task.claim, action))
  }

  private func record(_ error: any Error) -> TaskFailure {
    TaskFailure(
      message: TaskFailure.message(of: error),
      errorType: String(reflecting: type(of: error)),
      attempt: task.attempt,
      at: now
    )
  }

  private func failure(_ error: any Error, using generator: inout some RandomNumberGenerator) -> Settlement.Action {
    let recorded = (error as? RetryAfter)?.underlying ?? error
    let failure = record(recorded)
    let isLast = failures + 1 >= (progress.failure?.maxAttempts ?? task.maxAttempts ?? options.maxAttempts)
    if isLast, let wait = wait(for: error) { return .reschedule(after: wait, returnsAttempt: false) }
    guard !isLast, let delay = delay(after: error, recordedAs: recorded, using: &generator) else {
      return .bury(error is UndecodablePayload ? .undecodable : .failed, detail: nil, failure)
    }
    return .fail(failure, retryAfter: delay.asDelay)
  }

  /// How long a task waits that would else be given up too early.
  private func wait(for error: any Error) -> Duration? {
    guard attempt - failures <= Self.maxPassing, !options.neverRetry.contains(where: { $0 == type(of: error) }) else {
      return nil
    }
    return (error as? any PassingError)?.passesIn.map { max($0, .milliseconds(100)).asDelay }
  }

  /// nil: never again.
  private func delay(
    after error: any Error,
    recordedAs recorded: any Error,
    using generator: inout some RandomNumberGenerator
  ) -> Duration? {
    if options.neverRetry.contains(where: { $0 == type(of: recorded) }) { return nil }
    // Recorded: each further attempt would find the same.
    if let flow = recorded as? FlowError, flow.code == .timedOut { return nil }
    let delay = (error as? any RetryAfterError)?.retryAfter ?? policyDelay(using: &generator)
    guard let onFailure = options.onFailure else { return delay }
    let attempt = FailedAttempt(
      error: recorded,
      type: task.type,
      attempt: attempt,
      failures: failures + 1,
      delay: delay.asDelay
    )
    return switch onFailure(attempt).rule {
    case .byPolicy: delay
    case .after(let other): other
    case .never: nil
    }
  }

  private func policyDelay(using generator: inout some RandomNumberGenerator) -> Duration {
    let policy = progress.failure?.retry ?? task.retry.map { RetryPolicy($0) } ?? options.retry
    return policy.delay(afterAttempt: attempt, using: &generator)
  }
}
