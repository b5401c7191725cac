/// One recorded error.
public struct TaskFailure: Hashable, Sendable, Codable {
  /// The error's text, cut to ``Limits/errorMessageBytes``.
  public var message: String
  /// The Swift type of the error.
  public var errorType: String
  /// The attempt that failed, from 1.
  public var attempt: Int
  /// When, by the worker's clock in seconds since 1970. The row's own times are the store's.
  public var at: Double

  public init(message: String, errorType: String, attempt: Int, at: Double) {
    self.message = message
    self.errorType = errorType
    self.attempt = attempt
    self.at = at
  }

  /// The error's own text. Those of decoders and encoders quote values, which may be the payload's: they are told by place and kind.
  package static func message(of error: any Error) -> String {
    switch error {
    case let error as DecodingError:
      let problem = UndecodablePayload(error)
      return cleaned("DecodingError: \(problem.path.isEmpty ? "" : "\(problem.path): ")\(problem.reason)")
    case is EncodingError: return cleaned("EncodingError: \(UnencodableValue.describing(error))")
    default: return cleaned(String(describing: error))
    }
  }

  /// Cut to ``Limits/errorMessageBytes``, and without NUL, which no PostgreSQL text can hold.
  static func cleaned(_ text: String) -> String {
    let withoutNUL = text.unicodeScalars.contains("\0") ? text.replacing("\0", with: "\u{FFFD}") : text
    guard withoutNUL.utf8.count > Limits.errorMessageBytes else { return withoutNUL }
    return String(decoding: withoutNUL.utf8.prefix(Limits.errorMessageBytes - 4), as: UTF8.self) + "…"
  }
}
