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

  var hasSteps: Bool { !self.steps.isEmpty }

  var next: SagaAction {
    switch self.status {
    case .created: self.forwards ?? .begin
    case .cancelled, .failed: self.backwards ?? .rest
    case .done: self.afterwards
    default: .rest
    }
  }

  /// nil: everything before the payment is passed.
  private var forwards: SagaAction? {
    for step in self.steps where step.name.isBefore && step.state != .passed {
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
    for step in self.steps where !step.name.isBefore {
      switch step.state {
      case .passed, .undone: continue
      case .pending, .started: return .perform(step.name)
      case .rejected:
        guard step.refundId != nil else { return .refund(because: step.name) }
        switch self.refundStatus {
        case Refund.done?: return self.backwards ?? .rest
        case Refund.failed?: return .park(reason: "Step \(step.name) was rejected, and the refund failed.")
        default: return .wait
        }
      }
    }
    return .rest
  }

  /// nil: nothing is left behind.
  private var backwards: SagaAction? {
    for step in self.steps.reversed() where step.name.canBeUndone {
      switch step.state {
      case .started: return .perform(step.name)
      case .passed: return .undo(step.name)
      case .pending, .rejected, .undone: continue
      }
    }
    return nil
  }
}
