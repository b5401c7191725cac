/// Why a call to the provider has no usable answer.
struct ProviderError: Error, CustomStringConvertible {
  enum Code: String, Sendable {
    /// The provider answered with a status that the call doesn't expect.
    case unexpectedStatus
    /// The provider answered, but the body isn't what the contract says.
    case undecodableAnswer
  }

  var code: Code
  /// The call, without its body.
  var call: String
  var httpStatus: UInt

  var description: String {
    "\(call): \(code.rawValue), HTTP status \(httpStatus)"
  }
}
