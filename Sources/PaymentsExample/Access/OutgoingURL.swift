import Foundation
import TaskQueueHTTP

/// A URL that requests with money, secrets or signatures in them are sent to.
package enum OutgoingURL {
  /// - Parameters:
  ///   - option: what it is called on the command line.
  ///   - isInsecure: whether it may be plain HTTP to another machine: a private network, or a proxy that adds TLS.
  /// - Throws: ``CommandError`` if it isn't a URL, or would travel unprotected.
  package static func check(_ url: String, option: String, isInsecure: Bool) throws {
    guard
      let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(), let host = parts.host,
      !host.isEmpty, ["http", "https"].contains(scheme)
    else { throw CommandError("\(option) is a URL such as https://example.com.") }
    guard scheme == "http", !isInsecure, !HostName(host).isLoopback else { return }
    throw CommandError(
      """
      \(option) is plain HTTP to another machine (\(host)): whoever is on the way reads and changes what is paid. Use \
      https, or say --insecure if something else protects the way.
      """
    )
  }
}
