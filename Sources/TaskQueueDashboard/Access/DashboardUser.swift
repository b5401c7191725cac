import Crypto
import CryptoExtras

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Somebody with a password: ``DashboardAuthenticator/basic(_:realm:)``.
public struct DashboardUser: Sendable {
  /// Passwords that are derived at the same time.
  public static let maxDerivations = 2

  public let name: String
  public let role: DashboardRole
  let password: PasswordHash

  /// - Parameter password: as it is; kept in memory as a salted hash only. Takes some 100 ms.
  public init(_ name: String, password: String, role: DashboardRole) {
    self.name = name
    self.role = role
    self.password = PasswordHash(of: password)
  }

  /// - Parameter passwordHash: what ``hash(_:)`` made; nil is returned for anything else.
  public init?(_ name: String, passwordHash: String, role: DashboardRole) {
    guard let password = PasswordHash(passwordHash) else { return nil }
    self.name = name
    self.role = role
    self.password = password
  }

  /// A password as it can be kept in a configuration: PBKDF2 with HMAC-SHA-256 (RFC 8018), 210,000 rounds and a random salt of 16 bytes.
  public static func hash(_ password: String) -> String { PasswordHash(of: password).description }
}

/// `pbkdf2-sha256$rounds$salt$key`, salt and key in base64.
struct PasswordHash: Sendable, LosslessStringConvertible {
  static let rounds = 210_000
  private static let maxRounds = 10_000_000
  private static let scheme = "pbkdf2-sha256"

  private let rounds: Int
  private let salt: Data
  private let key: Data

  init(of password: String) {
    var generator = SystemRandomNumberGenerator()
    rounds = Self.rounds
    salt = Data((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    key = Self.derive(password, salt, rounds)
  }

  init?(_ text: String) {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == Self.scheme, let rounds = Int(parts[1]), 1...Self.maxRounds ~= rounds,
      let salt = Data(base64Encoded: String(parts[2])), !salt.isEmpty,
      let key = Data(base64Encoded: String(parts[3])), key.count == 32
    else { return nil }
    (self.rounds, self.salt, self.key) = (rounds, salt, key)
  }

  var description: String { "\(Self.scheme)$\(rounds)$\(salt.base64EncodedString())$\(key.base64EncodedString())" }

  /// In constant time for all passwords of a length.
  func matches(_ password: String) -> Bool {
    let other = Self.derive(password, salt, rounds)
    return zip(key, other).reduce(UInt8(key.count ^ other.count)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func derive(_ password: String, _ salt: Data, _ rounds: Int) -> Data {
    let key = try? KDF.Insecure.PBKDF2.deriveKey(
      from: Data(password.utf8),
      salt: salt,
      using: .sha256,
      outputByteCount: 32,
      unsafeUncheckedRounds: rounds
    )
    guard let key else { preconditionFailure("PBKDF2 takes every password, and at least one round") }
    return key.withUnsafeBytes { Data($0) }
  }
}
