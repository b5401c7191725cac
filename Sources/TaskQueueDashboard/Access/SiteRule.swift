import HTTPTypes

/// Keeps other sites' pages from acting through the browser of somebody who is signed in here.
///
/// A browser says where a request comes from: by `Sec-Fetch-Site`, and by `Origin` with each one that changes something. What says that it
/// comes from elsewhere is refused; what says nothing (a script) has the form's token or a JSON body, which no other site's form can send.
struct SiteRule: Sendable {
  /// Lower case, without ports; nil: any.
  private let hosts: Set<String>?
  /// Lower case: scheme, host and port.
  private let origins: Set<String>

  init(hosts: [String]?, origins: [String]) {
    self.hosts = hosts.map { Set($0.map { $0.lowercased() }) }
    self.origins = Set(origins.map { $0.lowercased() })
  }

  /// - Throws: ``Refusal/otherHost``: it asks for a host that is not ours, as pages do whose name was made to lead here.
  func checkHost(_ request: HTTPRequest) throws(Refusal) {
    guard let hosts else { return }
    guard let authority = request.authority?.lowercased(), hosts.contains(Self.host(authority)) else {
      throw .otherHost
    }
  }

  /// - Throws: ``Refusal/otherSite``.
  func checkOrigin(_ request: HTTPRequest) throws(Refusal) {
    let sites = Self.fetchSite.map { request.headerFields[values: $0] } ?? []
    guard sites.allSatisfy({ $0 == "same-origin" || $0 == "none" }) else { throw .otherSite }
    for origin in request.headerFields[values: .origin] where !isOurs(origin.lowercased(), request.authority) {
      throw .otherSite
    }
  }

  private func isOurs(_ origin: String, _ authority: String?) -> Bool {
    if origins.contains(origin) { return true }
    guard let authority = authority?.lowercased(), !authority.isEmpty else { return false }
    return origin == "https://\(authority)" || origin == "http://\(authority)"
  }

  private static func host(_ authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority[...end]) }
    return String(authority.prefix { $0 != ":" })
  }

  private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")
}
