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
  var refundId: RefundID?
}

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

/// A payment with the steps before and after it: a pure decision of what comes next, from what is stored. No clock, no database.
///
/// Forwards in order; once the payment is CANCELLED or FAILED, or a step after it is impossible, backwards. A step that was
/// begun is brought to a known end before anything is undone, so nothing is left behind at a service.
struct Saga: Equatable, Sendable {
  var status: PaymentStatus
  /// In order.
  var steps: [SagaStep]
  /// Of the refund that a rejected step asked for.
  var refundStatus: String?

  var hasSteps: Bool { !steps.isEmpty }

  var next: SagaAction {
    switch status {
    case .created: forwards ?? .begin
    case .cancelled, .failed: backwards ?? .rest
    case .done: afterwards
    default: .rest
    }
  }

  /// nil: everything before the payment is passed.
  private var forwards: SagaAction? {
    for step in steps where step.name.isBefore && step.state != .passed {
      switch step.state {
      case .pending, .started: return .perform(step.name)
      // The transaction that writes either makes the payment final too.
      case .rejected, .undone, .passed:
        return .park(reason: "Step \(step.name) is \(step.state) of a payment that goes on.")
      }
    }
    return nil
  }

  private var afterwards: SagaAction {
    for step in steps where !step.name.isBefore {
      switch step.state {
      case .passed, .undone: continue
      case .pending, .started: return .perform(step.name)
      case .rejected:
        guard step.refundId != nil else { return .refund(because: step.name) }
        switch refundStatus {
        case Refund.done?: return backwards ?? .rest
        case Refund.failed?: return .park(reason: "Step \(step.name) was rejected, and the refund failed.")
        default: return .wait
        }
      }
    }
    return .rest
  }

  /// nil: nothing is left behind.
  private var backwards: SagaAction? {
    for step in steps.reversed() where step.name.canBeUndone {
      switch step.state {
      case .started: return .perform(step.name)
      case .passed: return .undo(step.name)
      case .pending, .rejected, .undone: continue
      }
    }
    return nil
  }
}
