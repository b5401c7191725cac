import NIOHTTP1

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
    /// The call ended without an answer: nobody knows whether it arrived.
    case unanswered
    /// The call wasn't made: the provider is left alone for now, or has enough calls under way.
    case unsent
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

  /// The longest wait that a provider may ask for.
  static let maxRetryAfter = Duration.seconds(900)

  static func unsent(_ call: String, _ wait: Duration) -> Self {
    Self(code: .unsent, call: call, httpStatus: 0, retryAfter: wait)
  }

  /// What an answer's `Retry-After` says, in seconds.
  static func retryAfter(_ headers: HTTPHeaders) -> Duration? {
    guard let seconds = headers.first(name: "Retry-After").flatMap(Int64.init), seconds > 0 else { return nil }
    return min(.seconds(seconds), maxRetryAfter)
  }

  var description: String {
    switch code {
    case .unsent: "\(call): nothing was sent"
    case .unanswered: "\(call): no answer, \(reason ?? "")"
    default: "\(call): \(code.rawValue), HTTP status \(httpStatus)"
    }
  }
}
