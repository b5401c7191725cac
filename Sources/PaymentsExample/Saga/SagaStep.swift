/// How one step of one payment stands.
struct SagaStep: Equatable, Sendable {
  enum State: String, Sendable {
    case pending = "PENDING"
    /// Committed before the service is called: it may have done it.
    case started = "STARTED"
    case passed = "PASSED"
    /// The service refused for good.
    case rejected = "REJECTED"
    /// It was passed, and given back.
    case undone = "UNDONE"
  }

  var name: StepName
  var state: State
  /// The refund that a rejected delivery asked for.
  var refundId: Int64?
}
