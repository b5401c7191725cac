/// What becomes of an attempt.
struct Judgement: Sendable {
  /// What the store is told; nil: nothing is to be recorded.
  var settlement: Settlement?
  /// The error that brought a reschedule and counts for nothing, because it passes by itself.
  var passing: TaskFailure?

  static var nothing: Judgement { Judgement() }
}
