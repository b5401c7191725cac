#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Signs and checks bodies by one header: `t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "t.body")>`.
///
/// The form that Stripe's webhooks have, among others. It is computed over the body's bytes as they came, so check it before anybody parses
/// them. The header's name is the app's affair.
///
/// While a secret is changed, give both: ``sign(_:at:)`` makes a `v1` by each, and ``verify(_:of:at:)`` wants one that fits.
public struct CallbackSignature: Sendable {
  /// Of the header's value; more is no signature.
  public static let maxBytes = 4096

  /// How far the other side's clock, and the way here, may be off. Older ones may be replays.
  public var tolerance: Duration
  private let keys: [SigningKey]

  /// - Parameters:
  ///   - secrets: Their UTF-8 are the keys. An empty one is none; without any every signature is refused.
  ///   - tolerance: Five minutes by default.
  public init(secrets: [String], tolerance: Duration = .seconds(300)) {
    keys = secrets.filter { !$0.isEmpty }.map { SigningKey($0.utf8) }
    self.tolerance = tolerance
  }

  /// The header's value for a body that is sent now. Without a secret it has no signature, and nobody accepts it.
  public func sign(_ body: some DataProtocol, at time: Date = Date()) -> String {
    let seconds = "\(Int64(time.timeIntervalSince1970))"
    let content = SignedContent("\(seconds).", body)
    let signatures = keys.map { ",v1=" + Hexadecimal.text(content.code($0)) }
    return "t=\(seconds)" + signatures.joined()
  }

  /// Returns if one of the secrets signed this body, at most ``tolerance`` before or after `now`.
  ///
  /// - Parameter value: The header's; nil: there was none.
  /// - Throws: `missing`, `malformed`, `expired`, `mismatch`. Answer all of them alike.
  public func verify(_ value: String?, of body: some DataProtocol, at now: Date = Date()) throws(SignatureError) {
    guard let value else { throw SignatureError(.missing) }
    guard value.utf8.count <= Self.maxBytes else { throw SignatureError(.malformed) }
    var time: Substring?
    var codes: [[UInt8]] = []
    for part in value.split(separator: ",") {
      let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { throw SignatureError(.malformed) }
      if pair[0] == "t" {
        guard time == nil else { throw SignatureError(.malformed) }
        time = pair[1]
      } else if pair[0] == "v1", let code = Hexadecimal.bytes(pair[1]), code.count == SignedContent.codeBytes {
        codes.append(code)
      }
    }
    guard let time, codes.count <= SignedContent.maxSignatures else { throw SignatureError(.malformed) }
    try SignedContent.checkAge(time, now, tolerance)
    try SignedContent("\(time).", body).check(codes, keys)
  }
}
