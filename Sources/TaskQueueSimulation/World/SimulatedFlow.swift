@_spi(Store) import TaskQueue

/// The flow of one attempt: the real journal, and where the handler is.
final class SimulatedFlow {
  let plan: FlowPlan
  var journal: FlowJournal
  /// The call that is next, or under way.
  var index = 0
  /// Compensations that are left to be undone; nil: it is not being undone.
  var toUndo: [String]?

  init(_ plan: FlowPlan, _ task: ClaimedTask) {
    self.plan = plan
    journal = FlowJournal(task.steps)
  }
}

/// What the handler of a flow asks the store for, by itself, past the machine.
final class SimulatedFlowCall {
  enum Kind {
    case record(FlowStep)
    case look(key: String, name: String, place: Int, timeout: Duration?)
  }

  enum Answer {
    case recorded
    case look(FlowEventLook)
    case lost
    /// Nothing is known.
    case failed
  }

  /// As the handler's own: over about a second and a half.
  static let maxTries = 6

  let kind: Kind
  let attempt: RunningAttempt
  let process: SimulatedProcess
  var tries = 1
  var answer = Answer.failed

  init(_ kind: Kind, _ attempt: RunningAttempt, _ process: SimulatedProcess) {
    (self.kind, self.attempt, self.process) = (kind, attempt, process)
  }
}
