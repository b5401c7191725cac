import NIOCore

/// Where a server listens.
package struct ListenAddress: Equatable, Sendable {
  /// A name or an address.
  package var host: String
  /// 0: any free one.
  package var port: Int

  package init(host: String = "127.0.0.1", port: Int = 0) {
    self.host = host
    self.port = port
  }

  /// Whether only this machine reaches it.
  package var isLoopback: Bool { Self.isLoopback(host) }

  /// Names of this machine: `localhost` and its subdomains (RFC 6761), 127.0.0.0/8, ::1. Any other name may lead elsewhere.
  static func isLoopback(_ host: String) -> Bool {
    let host = bare(host)
    if host == "localhost" || host.hasSuffix(".localhost") { return true }
    guard let address = try? SocketAddress(ipAddress: host, port: 0) else { return false }
    switch address {
    case .v4: return host.hasPrefix("127.")
    case .v6: return ["::1", "0:0:0:0:0:0:0:1"].contains(host)
    case .unixDomainSocket: return false
    }
  }

  static func isAddress(_ host: String) -> Bool {
    (try? SocketAddress(ipAddress: bare(host), port: 0)) != nil
  }

  /// Lower case, without the brackets of an IPv6 address and the dot of a full name.
  static func bare(_ host: String) -> String {
    let host = host.lowercased()
    if host.hasPrefix("["), host.hasSuffix("]") { return String(host.dropFirst().dropLast()) }
    return host.hasSuffix(".") ? String(host.dropLast()) : host
  }
}
