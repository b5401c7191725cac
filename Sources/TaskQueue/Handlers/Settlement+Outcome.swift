extension Settlement {
  /// What a handler's outcome means to the store; nil: nothing is to be recorded.
  ///
  /// - Parameters:
  ///   - retain: as the handler's options say.
  ///   - delay: the wait that the retry policy gives; only asked for ``TaskOutcome/again``.
  init?(_ task: ClaimedTask, _ outcome: TaskOutcome, hasSteps: Bool, retain: Duration?, delay: () -> Duration) {
    let claim = task.claim
    switch outcome.kind {
    case .completed: self.init(claim, .completion(of: task, hasSteps: hasSteps, .init(retain: retain)))
    case .completedWith(let result):
      self.init(claim, .completion(of: task, hasSteps: hasSteps, .init(result: result, retain: retain)))
    case .settledInTransaction: return nil
    case .again(let after): self.init(claim, .reschedule(after: (after ?? delay()).asDelay, returnsAttempt: false))
    case .snooze(let after): self.init(claim, .reschedule(after: after.asDelay, returnsAttempt: true))
    case .discard(let reason): self.init(claim, .bury(.discarded, detail: TaskFailure.cleaned(reason), nil))
    }
  }

  /// The outcome of the attempt that a context is of.
  @_spi(Store) public init?(_ context: TaskContext, _ outcome: TaskOutcome) {
    context.flow.noteSettling()
    let hasSteps = context.flow.progress.hasSteps
    self.init(context.task, outcome, hasSteps: hasSteps, retain: context.services.retain) {
      var generator = context.services.environment.generator
      let policy = context.task.retry.map { RetryPolicy($0) } ?? context.services.retry
      return policy.delay(afterAttempt: context.attempt, using: &generator)
    }
  }
}

extension Settlement.Action {
  /// How a task is completed: the short way, unless its end concerns more than its row.
  static func completion(of task: ClaimedTask, hasSteps: Bool, _ conclusion: Conclusion) -> Settlement.Action {
    var conclusion = conclusion
    conclusion.retain = task.retain ?? conclusion.retain
    return hasSteps || task.isFollowed || conclusion != Conclusion() ? .conclude(conclusion) : .complete
  }
}

extension Duration {
  /// Within what a store takes: 0 to ``Limits/delay``.
  var asDelay: Duration { min(max(.zero, self), Limits.delay) }
}
