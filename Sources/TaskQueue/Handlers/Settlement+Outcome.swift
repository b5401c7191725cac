extension Settlement {
  /// What a handler's outcome means to the store; nil: nothing is to be recorded.
  ///
  /// - Parameter delay: the wait that the retry policy gives; only asked for ``TaskOutcome/again``.
  init?(_ claim: Claim, _ outcome: TaskOutcome, delay: () -> Duration) {
    switch outcome.kind {
    case .completed: self.init(claim, .complete)
    case .settledInTransaction: return nil
    case .again(let after): self.init(claim, .reschedule(after: (after ?? delay()).asDelay, returnsAttempt: false))
    case .snooze(let after): self.init(claim, .reschedule(after: after.asDelay, returnsAttempt: true))
    case .discard(let reason): self.init(claim, .bury(.discarded, detail: TaskFailure.cleaned(reason), nil))
    }
  }

  /// The outcome of the attempt that a context is of.
  init?(_ context: TaskContext, _ outcome: TaskOutcome) {
    if outcome == .completed, context.flow.progress.hasSteps {
      self.init(context.claim, .completeFlow)
      return
    }
    self.init(context.claim, outcome) {
      var generator = context.services.environment.generator
      let policy = context.task.retry.map { RetryPolicy($0) } ?? context.services.retry
      return policy.delay(afterAttempt: context.attempt, using: &generator)
    }
  }
}

extension Duration {
  /// Within what a store takes: 0 to ``Limits/delay``.
  var asDelay: Duration { min(max(.zero, self), Limits.delay) }
}
