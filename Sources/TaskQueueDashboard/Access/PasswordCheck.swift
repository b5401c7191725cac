import Crypto
import DetachedThread
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tells by a header of basic authentication who sends a request.
final class PasswordCheck: Sendable {
  private static let maxHeaderBytes = 2_048

  fileprivate struct State {
    /// The MAC of the right password of each name, once it was seen: at most one per user.
    var known: [String: Data] = [:]
    var derivations = 0
  }

  private let users: [String: DashboardUser]
  private let matches: @Sendable (PasswordHash, String) -> Bool
  private let nobody = PasswordHash(of: "")
  private let key = SymmetricKey(size: .bits256)
  private let state = Mutex(State())

  /// - Parameter matches: takes as long as a derivation does, on a thread of its own.
  init(
    _ users: [DashboardUser],
    matches: @escaping @Sendable (PasswordHash, String) -> Bool = { $0.matches($1) }
  ) {
    self.matches = matches
    self.users = Dictionary(users.map { ($0.name, $0) }) { _, last in last }
  }

  /// - Returns: nil: no header, an unknown name, or a wrong password; all three take as long where a password is given.
  /// - Throws: ``Refusal`` if too many passwords are being checked.
  func identity(_ header: String?) async throws(Refusal) -> DashboardIdentity? {
    guard let (name, password) = Self.credentials(header) else { return nil }
    let user = users[name]
    let mac = Data(HMAC<SHA256>.authenticationCode(for: Data("\(name)\0\(password)".utf8), using: key))
    if let user, let known = state.withLock({ $0.known[name] }), Self.areEqual(known, mac) {
      return DashboardIdentity(user.name, role: user.role)
    }
    guard state.withLock({ $0.begin() }) else { throw .busy }
    defer { state.withLock { $0.derivations -= 1 } }
    let isRight = await derived(user?.password ?? nobody, password)
    guard let user, isRight else { return nil }
    state.withLock { $0.known[name] = mac }
    return DashboardIdentity(user.name, role: user.role)
  }

  /// On a thread of its own: those of Swift's tasks, of which there are few, are the app's.
  private func derived(_ hash: PasswordHash, _ password: String) async -> Bool {
    await withCheckedContinuation { continuation in
      let isSpawned = DetachedThread.spawn { [matches] in continuation.resume(returning: matches(hash, password)) }
      if !isSpawned { continuation.resume(returning: false) }
    }
  }

  private static func credentials(_ header: String?) -> (String, String)? {
    guard let header, header.utf8.count <= maxHeaderBytes, header.lowercased().hasPrefix("basic "),
      let data = Data(base64Encoded: String(header.dropFirst(6))),
      let text = String(validating: data, as: UTF8.self), let colon = text.firstIndex(of: ":")
    else { return nil }
    return (String(text[..<colon]), String(text[text.index(after: colon)...]))
  }

  private static func areEqual(_ one: Data, _ other: Data) -> Bool {
    one.count == other.count && zip(one, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

extension PasswordCheck.State {
  fileprivate mutating func begin() -> Bool {
    guard derivations < DashboardUser.maxDerivations else { return false }
    derivations += 1
    return true
  }
}
