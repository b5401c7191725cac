/// An `EncodingError` without the value that could not be encoded, which its own text quotes.
struct UnencodableValue: Error, Hashable, CustomStringConvertible {
  /// Where, as ``UndecodablePayload/path``.
  let path: String
  /// The Swift type of the value that is refused.
  let type: String

  /// What may be shown of an encoder's error: other errors are the payload's own.
  static func describing(_ error: any Error) -> any Error {
    guard case .invalidValue(let value, let context)? = error as? EncodingError else { return error }
    return UnencodableValue(path: UndecodablePayload.path(context.codingPath), type: "\(Swift.type(of: value))")
  }

  var description: String {
    path.isEmpty ? "a value of type \(type) is refused" : "\(path): a value of type \(type) is refused"
  }
}
