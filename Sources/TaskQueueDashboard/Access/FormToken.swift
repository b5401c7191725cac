import Crypto

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Shows that a form was made by this dashboard, for the one who sends it: a MAC of their name and an hour, so that no other site can make one.
struct FormToken: Sendable {
  /// A page that was left open for longer has to be loaded again.
  static let lifetime: TimeInterval = 12 * 3_600

  private let key: SymmetricKey

  /// - Parameter secret: the same for all processes that answer under one address.
  init(secret: [UInt8]) { key = SymmetricKey(data: Data(SHA256.hash(data: Data("taskqueue.form.1:".utf8) + secret))) }

  func make(for identity: DashboardIdentity, now: Date = Date()) -> String {
    let end = Int64((now.timeIntervalSince1970 + Self.lifetime).rounded(.down))
    return "\(end).\(Data(mac(identity, end)).base64EncodedString())"
  }

  func isValid(_ token: String, for identity: DashboardIdentity, now: Date = Date()) -> Bool {
    let parts = token.split(separator: ".", maxSplits: 1)
    guard parts.count == 2, let end = Int64(parts[0]), let code = Data(base64Encoded: String(parts[1])),
      Double(end) > now.timeIntervalSince1970, Double(end) <= now.timeIntervalSince1970 + Self.lifetime + 60
    else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: message(identity, end), using: key)
  }

  private func mac(_ identity: DashboardIdentity, _ end: Int64) -> HMAC<SHA256>.MAC {
    HMAC<SHA256>.authenticationCode(for: message(identity, end), using: key)
  }

  private func message(_ identity: DashboardIdentity, _ end: Int64) -> Data { Data("\(end)\0\(identity.name)".utf8) }
}
