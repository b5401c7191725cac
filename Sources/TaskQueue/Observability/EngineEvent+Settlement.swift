extension EngineEvent {
  /// What people are to hear of an attempt's outcome: a failure, a dead letter, or nothing.
  ///
  /// - Parameter isToBeUndone: it is a flow with something to undo first.
  static func events(of settlement: Settlement, _ task: ClaimedTask, isToBeUndone: Bool) -> [EngineEvent] {
    let label = TaskLabel(task)
    switch settlement.action {
    case .complete, .conclude, .suspend, .reschedule, .release: return []
    case .fail(let failure, let delay): return [failed(label, failure, task, nextIn: delay)]
    case .bury(let reason, let detail, let failure):
      let end =
        isToBeUndone
        ? EngineEvent.undoing(label, reason, detail: detail)
        : .deadLetter(label, reason, detail: detail, lastError: failure?.message)
      return failure.map { [failed(label, $0, task, nextIn: nil), end] } ?? [end]
    }
  }

  private static func failed(
    _ label: TaskLabel,
    _ failure: TaskFailure,
    _ task: ClaimedTask,
    nextIn delay: Duration?
  ) -> EngineEvent {
    .attemptFailed(
      task: label,
      error: failure.message,
      errorType: failure.errorType,
      failures: task.failures + 1,
      nextIn: delay
    )
  }
}
