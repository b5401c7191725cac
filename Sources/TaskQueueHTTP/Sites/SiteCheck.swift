public import HTTPTypes

/// Keeps pages of other sites from using a browser on this network as their way in.
///
/// Such a page can send forms and simple requests anywhere, and by DNS rebinding have its own name lead here. So: a body is JSON, which no form
/// sends; a request that changes something names no other site; and the host that is asked for is one of ours. It does not say who asks: callers
/// still need keys or signatures.
///
/// ```swift
/// let sites = SiteCheck(names: ["shop.example"])
/// try sites.check(request.head)     // before the request does anything
/// ```
///
/// Names of this machine (`localhost`) and addresses are always among ours: nobody can make them lead elsewhere.
public struct SiteCheck: Sendable {
  /// Names that are ours, beside those of this machine and addresses.
  private let names: Set<HostName>
  /// Those by which whatever stands in front is asked.
  private let fronts: Set<HostName>
  private let hint: String?

  /// - Parameters:
  ///   - names: Of hosts, without ports, that this server is reached by, also through a proxy in front.
  ///   - listening: Of the hosts that it listens at.
  ///   - hint: What the answer to a request for an unknown host says beside: how to make it known, say. Goes to the client.
  public init(names: [String], listening: [String] = [], hint: String? = nil) {
    fronts = Set(names.map { HostName($0) })
    self.names = fronts.union(listening.map { HostName($0) })
    self.hint = hint
  }

  /// Returns if the request may go on.
  ///
  /// Looks at the head alone. Requests by GET, HEAD and OPTIONS change nothing and may come from anywhere, if they ask for one of our hosts; any
  /// other one may only come from a page of the very host and port that it asks for or of one of the names, as `Origin` and `Sec-Fetch-Site`
  /// tell. Its body is `application/json`, without a `Content-Encoding`.
  ///
  /// - Parameters:
  ///   - allowsNoHost: Whether GET and HEAD may name no host: probes of HTTP/1.0 don't, browsers always do. Only for what tells nothing of
  ///     anybody.
  ///   - allowsAnyHost: Whether any host may be asked for: for requests whose body is signed, since no page can sign.
  /// - Throws: `malformed-request` for no, a broken or a second `Host`; `unknown-host`, `cross-site`, `not-json`; `expectation-failed`
  ///   for an `Expect` of anything but `100-continue`.
  public func check(
    _ request: HTTPRequest,
    allowsNoHost: Bool = false,
    allowsAnyHost: Bool = false
  ) throws(ProblemError) {
    // The first one is the authority; whoever stands in front may have gone by the other.
    guard request.headerFields[values: Self.hostName].isEmpty else {
      throw ProblemError(.malformedRequest, "There are two Host headers.")
    }
    let expected = request.headerFields[values: .expect].flatMap { $0.split(separator: ",") }
    guard expected.allSatisfy({ Self.trimmed($0).lowercased() == "100-continue" }) else {
      throw ProblemError(.expectationFailed)
    }
    if request.authority == nil, allowsNoHost, request.method == .get || request.method == .head { return }
    guard let authority = request.authority?.lowercased(), let host = HostName(authority: authority) else {
      throw ProblemError(.malformedRequest, "The Host header is missing or broken.")
    }
    if !allowsAnyHost, !isOurs(host) { throw ProblemError(.unknownHost, hint) }
    guard ![.get, .head, .options].contains(request.method) else { return }
    let fields = request.headerFields
    for site in fields[values: Self.fetchSite] where !["same-origin", "none"].contains(site) {
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

  /// Whether a `Content-Type` is the media type of JSON, with whatever parameters. ``check(_:allowsNoHost:allowsAnyHost:)`` lets a body without
  /// one pass; ask this before one is read.
  public static func isJSON(_ contentType: String) -> Bool {
    trimmed(contentType.prefix { $0 != ";" }).lowercased() == "application/json"
  }

  private func isOurs(_ host: HostName) -> Bool {
    host.isLoopback || host.isAddress || names.contains(host)
  }

  /// The very host and port that is asked for, or one of the names: what stands in front may ask by another one.
  private func isOurs(origin: String, _ authority: String) -> Bool {
    for scheme in ["http://", "https://"] where origin.hasPrefix(scheme) {
      let asking = String(origin.dropFirst(scheme.count))
      return asking == authority || HostName(authority: asking).map { fronts.contains($0) } ?? false
    }
    return false
  }

  /// Without the white space of HTTP (RFC 9110, 5.6.3) around it.
  private static func trimmed(_ text: Substring) -> Substring {
    let end = text.lastIndex { $0 != " " && $0 != "\t" }.map { text.index(after: $0) } ?? text.startIndex
    return text[..<end].drop { $0 == " " || $0 == "\t" }
  }

  private static let hostName = HTTPField.Name("Host")!
  private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
