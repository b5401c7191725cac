/// The body of Stripe's errors.
///
/// https://docs.stripe.com/api/errors
struct StripeFailure: Decodable, Sendable {
  struct Details: Decodable, Sendable {
    var type: String?
    var code: String?
    var declineCode: String?
    var message: String?

    private enum CodingKeys: String, CodingKey {
      case type, code, message
      case declineCode = "decline_code"
    }
  }

  var error: Details

  /// Answers with 4xx that say nothing about the request itself: it may succeed later, or has succeeded before.
  private static let passingCodes: Set<String> = ["lock_timeout", "rate_limit", "idempotency_key_in_use"]

  /// Whether an answer with this status means that this request was understood, changed nothing, and never will.
  ///
  /// Not so an `idempotency_error`: the key was used with other parameters before, and that request may have moved money.
  func isRefusal(status: UInt) -> Bool {
    guard [400, 402, 404].contains(status), error.type != nil, error.type != "idempotency_error" else {
      return false
    }
    return !Self.passingCodes.contains(error.code ?? "")
  }

  /// For people.
  var reason: String {
    StripePaymentIntent.Failure(
      message: error.message,
      code: error.code,
      declineCode: error.declineCode
    ).reason
  }
}
