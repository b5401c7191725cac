/// Why a call to the provider has no usable answer.
struct ProviderError: Error, CustomStringConvertible {
  enum Code: String, Sendable {
    /// The provider answered with a status that the call doesn't expect.
    case unexpectedStatus
    /// The provider answered, but the body isn't what the contract says.
    case undecodableAnswer
    /// The provider understood the request and will never do it; nothing happened.
    case refused
    /// The provider has no such operation; nothing happened.
    case unsupported
    /// The provider knows no such payment.
    case unknownPayment
  }

  var code: Code
  /// The call, without its body.
  var call: String
  var httpStatus: UInt
  /// The provider's own words, shortened; for people.
  var reason: String?
  /// How long the provider wants to be left alone.
  var retryAfter: Duration?

  /// Whether asking again is pointless and nothing happened at the provider.
  var isRefusal: Bool { code == .refused || code == .unsupported }

  /// Why the provider will never do it, for people.
  var refusal: String { reason ?? "The provider refused it with HTTP status \(httpStatus)." }

  var description: String {
    "\(call): \(code.rawValue), HTTP status \(httpStatus)"
  }
}
