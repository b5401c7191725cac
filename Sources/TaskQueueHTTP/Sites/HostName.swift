/// A host as requests, URLs and configurations name it: a name of DNS, or an IP address. Nothing is looked up.
///
/// Upper case, the brackets of an IPv6 address and the dot at the end of a full name make no difference; other spellings of an address do.
public struct HostName: Hashable, Sendable {
  /// In lower case, without brackets and the last dot.
  public let text: String

  /// Takes any text, also one that no host can have.
  ///
  /// - Parameter text: Without a port.
  public init(_ text: String) {
    let text = text.lowercased()
    if text.hasPrefix("["), text.hasSuffix("]") {
      self.text = String(text.dropFirst().dropLast())
    } else {
      self.text = text.hasSuffix(".") ? String(text.dropLast()) : text
    }
  }

  /// The host of an authority (RFC 3986), as of a `Host` header: `shop.example:8443`, `[::1]:80`, `10.0.0.7`.
  ///
  /// nil: it is neither a name nor an address, or something else than a port of at most five digits follows. Names have letters and digits of
  /// ASCII, `.`, `-` and `_`; addresses of IPv6 are in brackets.
  public init?(authority: String) {
    let authority = authority.lowercased()
    let end: String.Index
    if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
      end = authority.index(after: bracket)
    } else {
      end = authority.firstIndex(of: ":") ?? authority.endIndex
    }
    let (host, port) = (authority[..<end], authority[end...])
    let isName = !host.isEmpty && host.utf8.allSatisfy { Self.isLetterOrDigit($0) || ".-_".utf8.contains($0) }
    let isPort =
      port.isEmpty || port.hasPrefix(":") && port.utf8.count <= 6 && port.utf8.dropFirst().allSatisfy(Self.isDigit)
    self.init(String(host))
    guard isName || host.hasPrefix("[") && isAddress, isPort else { return nil }
  }

  /// Whether it is an address of IPv4 (a dotted quad) or IPv6 (without a scope), which no DNS makes lead elsewhere.
  public var isAddress: Bool { IPAddress.bytes(text) != nil }

  /// Whether it can only be this machine: `localhost` and its subdomains (RFC 6761), 127.0.0.0/8, `::1` and `0:0:0:0:0:0:0:1`. Any other name may
  /// lead elsewhere.
  public var isLoopback: Bool {
    if text == "localhost" || text.hasSuffix(".localhost") { return true }
    if ["::1", "0:0:0:0:0:0:0:1"].contains(text) { return true }
    guard let bytes = IPAddress.bytes(text) else { return false }
    return bytes.count == 4 && bytes[0] == 127
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
