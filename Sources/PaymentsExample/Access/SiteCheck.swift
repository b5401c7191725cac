import Foundation
import HTTPTypes
import TaskQueueHTTP

/// Keeps pages of other sites from using a browser on this network as their way in.
///
/// Such a page can send forms and simple requests anywhere, and by DNS rebinding have its own name lead here. So: a body is
/// JSON, which no form sends; a request that changes something names no other site; and the host that is asked for is one
/// of ours. A request whose body is signed may ask for any host: no page can sign.
struct SiteCheck: Sendable {
  /// Beside names of this machine and addresses, which nobody can make lead elsewhere; lower case.
  let names: Set<String>
  /// Those by which whatever stands in front is asked.
  private let fronts: Set<String>

  /// - Parameters:
  ///   - names: of hosts, without ports, that this server is reached by, also through something in front.
  ///   - listening: of the hosts that it listens at.
  init(names: [String], listening: [String] = []) {
    fronts = Set(names.map(ListenAddress.bare))
    self.names = fronts.union(listening.map(ListenAddress.bare))
  }

  /// - Throws: ``ProblemError``: `malformed-request`, `unknown-host`, `cross-site`, `not-json`, `expectation-failed`.
  func check(_ request: HTTPRequest, _ access: APIOperation.Access?) throws {
    // The first one is the authority; whoever stands in front may have gone by the other.
    guard request.headerFields[values: Self.hostName].isEmpty else {
      throw ProblemError(.malformedRequest, "There are two Host headers.")
    }
    let expected = request.headerFields[values: .expect].flatMap { $0.split(separator: ",") }
    guard expected.allSatisfy({ $0.trimmingCharacters(in: .whitespaces).lowercased() == "100-continue" }) else {
      throw ProblemError(.expectationFailed)
    }
    // Probes of HTTP/1.0 name no host; browsers always do.
    if request.authority == nil, access == .open, request.method == .get || request.method == .head { return }
    guard let authority = request.authority?.lowercased(), let host = Self.host(authority) else {
      throw ProblemError(.malformedRequest, "The Host header is missing or broken.")
    }
    if access != .signed, !isOurs(host) {
      throw ProblemError(.unknownHost, "Name it with --allowed-host if this server is reached by it.")
    }
    guard ![.get, .head, .options].contains(request.method) else { return }
    let fields = request.headerFields
    for site in Self.fetchSite.map({ fields[values: $0] }) ?? [] where !["same-origin", "none"].contains(site) {
      throw ProblemError(.crossSite)
    }
    for origin in fields[values: .origin] where !isOurs(origin: origin.lowercased(), authority) {
      throw ProblemError(.crossSite)
    }
    if let type = fields[.contentType], !Self.isJSON(type) { throw ProblemError(.notJSON) }
    if let encoding = fields[.contentEncoding], encoding.lowercased() != "identity" {
      throw ProblemError(.notJSON, "Bodies are taken as they are, without a Content-Encoding.")
    }
  }

  /// Whether it is the media type of JSON, with whatever parameters.
  static func isJSON(_ contentType: String) -> Bool {
    let media = contentType.prefix { $0 != ";" }
    return media.trimmingCharacters(in: .whitespaces).lowercased() == "application/json"
  }

  private func isOurs(_ host: String) -> Bool {
    let host = ListenAddress.bare(host)
    return ListenAddress.isLoopback(host) || ListenAddress.isAddress(host) || names.contains(host)
  }

  /// The very host and port that is asked for, or one of the names: what stands in front may ask by another one.
  private func isOurs(origin: String, _ authority: String) -> Bool {
    for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
      let asking = String(origin.dropFirst(scheme.count))
      return asking == authority || Self.host(asking).map { fronts.contains(ListenAddress.bare($0)) } ?? false
    }
    return false
  }

  /// Without the port; nil: it is neither a name nor an address. Lower case is expected.
  static func host(_ authority: String) -> String? {
    let end: String.Index
    if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
      end = authority.index(after: bracket)
    } else {
      end = authority.firstIndex(of: ":") ?? authority.endIndex
    }
    let (host, port) = (authority[..<end], authority[end...])
    let isName = !host.isEmpty && host.utf8.allSatisfy { isLetterOrDigit($0) || ".-_".utf8.contains($0) }
    let isPort =
      port.isEmpty || port.hasPrefix(":") && port.utf8.count <= 6 && port.utf8.dropFirst().allSatisfy(isDigit)
    guard isName || host.hasPrefix("[") && ListenAddress.isAddress(String(host)), isPort else { return nil }
    return String(host)
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || isDigit(byte)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private static let hostName = HTTPField.Name("Host")!
  private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")
}
