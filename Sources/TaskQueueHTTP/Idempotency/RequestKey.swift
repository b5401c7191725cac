public import HTTPTypes

/// What a caller calls one request, so that repeating it does nothing twice: the `Idempotency-Key` of the
/// [IETF's draft](https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/), within its caller and operation.
public struct RequestKey: Hashable, Sendable {
  /// Of a key, in characters.
  public static let maxLength = 255
  /// Of ``caller`` and of ``operation``, in bytes of UTF-8.
  public static let maxScopeBytes = 512

  /// Who asks, as the app has authenticated it; never what the request merely says. Two callers with one key never see each other's answers.
  public var caller: String
  /// What is asked for, and of what if that is another resource each time: `POST /orders`, `refund of order 7`. One key may name one request
  /// of each.
  public var operation: String
  public var key: String

  /// A key that the app makes itself: from an event's id, say.
  ///
  /// - Precondition: `caller` and `operation` have at most ``maxScopeBytes`` and, as the key, no U+0000; the key has 1 to ``maxLength``
  ///   characters.
  public init(caller: String, operation: String, key: String) {
    precondition((1...Self.maxLength).contains(key.unicodeScalars.count), "a key has 1 to \(Self.maxLength) characters")
    for text in [caller, operation] {
      precondition(
        text.utf8.count <= Self.maxScopeBytes,
        "a caller or operation is longer than \(Self.maxScopeBytes) bytes"
      )
    }
    precondition(![caller, operation, key].contains { $0.utf8.contains(0) }, "a text has a NUL character")
    self.caller = caller
    self.operation = operation
    self.key = key
  }

  /// Reads the value of the field `Idempotency-Key`: a string of RFC 8941 in quotes, as the draft has it, or the same text bare, as most clients
  /// send it.
  ///
  /// - Parameter header: nil: there was no such field.
  /// - Throws: `missing-idempotency-key`; `malformed-request` for anything but 1 to ``maxLength`` printable ASCII characters without
  ///   spaces, quotes and backslashes, and so for two fields.
  public init(caller: String, operation: String, header: String?) throws(ProblemError) {
    guard let header else { throw ProblemError(.missingIdempotencyKey) }
    var text = header[...]
    let isQuoted = text.utf8.count >= 2 && text.first == "\"" && text.last == "\""
    if isQuoted { text = text.dropFirst().dropLast() }
    let excluded = [UInt8(ascii: "\""), UInt8(ascii: "\\")]
    let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !excluded.contains($0) }
    guard isPlain, (1...Self.maxLength).contains(text.utf8.count) else {
      throw ProblemError(
        .malformedRequest,
        "An Idempotency-Key has 1 to \(Self.maxLength) printable ASCII characters without spaces, quotes and backslashes."
      )
    }
    self.init(caller: caller, operation: operation, key: String(text))
  }

  /// As ``init(caller:operation:header:)``, from a request's header.
  public init(caller: String, operation: String, fields: HTTPFields) throws(ProblemError) {
    try self.init(caller: caller, operation: operation, header: fields[.idempotencyKey])
  }
}

extension HTTPField.Name {
  /// `Idempotency-Key`, which names a request.
  public static let idempotencyKey = Self("Idempotency-Key")!
  /// `Idempotency-Replayed`: `true` if the answer was given before, and nothing was done.
  public static let idempotencyReplayed = Self("Idempotency-Replayed")!
}
