/// A service that does one of the steps around a payment.
///
/// Any method may throw after the service did the work: then it is looked up before anything is sent again. Keys are the same
/// for every attempt; a service may ignore them when it performs, but must find by them.
protocol StepService: Sendable {
  /// Does the step. Returning is final, either way.
  func perform(_ request: StepRequest, key: String) async throws -> StepAnswer
  /// What became of the step with that key; nil: the service certainly doesn't know it.
  func find(key: String) async throws -> StepAnswer?
  /// Gives back what the step took. Repeating it, or undoing what the service doesn't know, changes nothing.
  func undo(key: String) async throws
}
