import Testing

@testable import PaymentsExample
@testable import PaymentsLab

/// What happens at the provider, and what our books say then.
struct AfterDoneStory: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Of ours, before it.
  var refund: Int64?
  var happens: [ProviderOccurrence]
  /// What a comparison finds first.
  var found: ReconciliationReport.Kind
  var status = PaymentStatus.done
  var refunds: [String] = []
  var disputes: [String] = []
  /// After COMPLETED, if each is looked at by itself; of these only the last one if a comparison finds it.
  var events: [String]
  /// Of the payment's 1250, what the user has paid in the end.
  var paid: Int64 = 1250

  var remaining: Int64 {
    status == .done ? paid - (disputes == ["OPEN"] ? 1250 : 0) : 0
  }

  static let all = [
    AfterDoneStory(
      testDescription: "returned",
      happens: [.returned],
      found: .returned,
      status: .returned,
      events: ["RETURNED"],
      paid: 0
    ),
    AfterDoneStory(
      testDescription: "refunded there",
      happens: [.refunded(amount: 250)],
      found: .refundUnknown,
      refunds: ["DONE"],
      events: ["REFUNDED"],
      paid: 1000
    ),
    AfterDoneStory(
      testDescription: "refunded there, which failed late",
      happens: [.refunded(amount: 250), .refundFailed],
      found: .refundUnknown,
      refunds: ["FAILED"],
      events: ["REFUNDED", "REFUND_FAILED"]
    ),
    AfterDoneStory(
      testDescription: "our refund failed late",
      refund: 250,
      happens: [.refundFailed],
      found: .refundDifferent,
      refunds: ["FAILED"],
      events: ["REFUND_FAILED"]
    ),
    AfterDoneStory(
      testDescription: "disputed",
      happens: [.disputed(amount: 1250)],
      found: .disputeUnknown,
      disputes: ["OPEN"],
      events: ["DISPUTED"]
    ),
    AfterDoneStory(
      testDescription: "dispute won",
      happens: [.disputed(amount: 1250), .disputeWon],
      found: .disputeUnknown,
      disputes: ["WON"],
      events: ["DISPUTED", "DISPUTE_WON"]
    ),
    AfterDoneStory(
      testDescription: "dispute lost after a refund, more than there was",
      refund: 250,
      happens: [.disputed(amount: 1250), .disputeLost],
      found: .disputeUnknown,
      refunds: ["DONE"],
      disputes: ["LOST"],
      events: ["DISPUTED", "DISPUTE_LOST"],
      paid: -250
    ),
  ]
}
