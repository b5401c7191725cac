/// What a client calls one request, so that repeating it does nothing twice.
struct IdempotencyKey: Hashable, Sendable {
  static let maxLength = 255

  /// The operation, and what it is done to: one key may name one request of each.
  var scope: String
  var key: String

  /// Reads a header's value: a string of RFC 8941 in quotes, as the IETF draft has it, or the same text bare, as most
  /// clients send it.
  ///
  /// - Returns: nil if it isn't 1 to ``maxLength`` printable ASCII characters.
  init?(scope: String, header: String) {
    var text = header[...]
    let isQuoted = text.count >= 2 && text.first == "\"" && text.last == "\""
    if isQuoted { text = text.dropFirst().dropLast() }
    let excluded = [UInt8(ascii: "\""), UInt8(ascii: "\\")]
    let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !excluded.contains($0) }
    guard isPlain, (1...Self.maxLength).contains(text.utf8.count) else { return nil }
    self.init(scope: scope, key: String(text))
  }

  init(scope: String, key: String) {
    self.scope = scope
    self.key = key
  }
}
