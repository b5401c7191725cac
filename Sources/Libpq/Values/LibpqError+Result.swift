import CLibpq

extension LibpqError {
  /// Reads the error fields of a failed result.
  init(_ code: Code, result: OpaquePointer) {
    func field(_ letter: Character) -> String? {
      PQresultErrorField(result, Int32(letter.asciiValue ?? 0)).map { String(cString: $0) }
    }
    // The letters are the PG_DIAG_… constants, which Swift does not import as they are character macros.
    let fallback = PQresultErrorMessage(result).map { String(cString: $0) } ?? ""
    self.init(code, field("M") ?? Self.trimmed(fallback), sqlState: field("C"))
    detail = field("D")
    hint = field("H")
    constraint = field("n")
    table = field("t")
    schema = field("s")
    column = field("c")
  }

  /// Reads the connection's last message, which can hold several lines.
  init(_ code: Code, connection: OpaquePointer?) {
    self.init(code, Self.trimmed(connection.flatMap { PQerrorMessage($0) }.map { String(cString: $0) } ?? ""))
  }

  /// The SQLSTATE of a failed result.
  static func sqlState(of result: OpaquePointer) -> String? {
    PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
  }

  /// Whether the server ended the session with this result.
  static func isFatal(_ result: OpaquePointer) -> Bool {
    guard let severity = PQresultErrorField(result, Int32(UInt8(ascii: "V"))) else { return false }
    let first = UInt8(bitPattern: severity[0])
    return first == UInt8(ascii: "F") || first == UInt8(ascii: "P")
  }

  private static func trimmed(_ text: String) -> String {
    var text = Substring(text)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text.isEmpty ? "no message" : String(text)
  }
}
