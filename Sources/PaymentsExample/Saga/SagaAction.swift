/// What a saga does next.
enum SagaAction: Equatable, Sendable {
  case perform(StepName)
  /// All steps before the payment are passed: the provider may hear of it.
  case begin
  /// Pay back what was paid, because the step after it is impossible.
  case refund(because: StepName)
  case undo(StepName)
  /// Look again later.
  case wait
  /// Nothing, until the payment changes.
  case rest
  /// A person has to decide.
  case park(reason: String)
}
