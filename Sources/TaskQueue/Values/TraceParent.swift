/// The header in which a trace travels, as [W3C Trace Context](https://www.w3.org/TR/trace-context/#traceparent-header) has it:
/// `version-traceID-spanID-flags`.
struct TraceParent: Hashable, Sendable {
  static let header = "traceparent"

  /// 32 hexadecimal digits, not all 0.
  let traceID: String

  /// nil: there is none, or it is not well-formed.
  init?(headers: [String: String]) {
    guard let text = headers[Self.header], text.utf8.count <= 256 else { return nil }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[0].utf8.count == 2, parts[1].utf8.count == 32, parts[2].utf8.count == 16,
      parts.prefix(4).allSatisfy({ $0.utf8.allSatisfy(Self.isHexadecimal) }), parts[1].contains(where: { $0 != "0" })
    else { return nil }
    traceID = String(parts[1])
  }

  /// Capital letters are not allowed there.
  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
  }
}
