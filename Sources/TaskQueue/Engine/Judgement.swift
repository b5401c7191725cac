/// What becomes of an attempt.
package struct Judgement: Sendable {
  /// What the store is told; nil: nothing is to be recorded.
  package var settlement: Settlement?
  /// The error that brought a reschedule and counts for nothing, because it passes by itself.
  var passing: TaskFailure?
  /// It is a flow that the store will have undone before it is a dead letter.
  var isToBeUndone = false

  package init(settlement: Settlement? = nil, passing: TaskFailure? = nil) {
    self.settlement = settlement
    self.passing = passing
  }

  package static var nothing: Judgement { Judgement() }
}
