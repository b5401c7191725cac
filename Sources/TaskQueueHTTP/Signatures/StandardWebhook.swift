public import HTTPTypes

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Signs and checks webhooks as [Standard Webhooks](https://www.standardwebhooks.com) says, by symmetric keys.
///
/// Three fields: `webhook-id`, the same for every delivery of one event; `webhook-timestamp`, the seconds since 1970 of this delivery;
/// `webhook-signature`, `v1,<base64 HMAC-SHA256(secret, "id.timestamp.body")>`, several of them with spaces between. The receiver keeps the
/// ids that it has seen: a repetition has the same one.
///
/// While a secret is changed, give both: ``sign(_:id:at:)`` signs by each, and ``verify(_:of:at:)`` wants one that fits.
public struct StandardWebhook: Sendable {
  /// Of a secret, decoded.
  public static let secretBytes = 24...64
  /// Of `webhook-id`.
  public static let maxIdLength = 255
  /// Of `webhook-signature`; more is no signature.
  public static let maxBytes = 4096

  /// How far the other side's clock, and the way here, may be off. Older ones may be replays.
  public var tolerance: Duration
  private let keys: [SigningKey]

  /// - Parameters:
  ///   - secrets: Each `whsec_` and the Base64 of 24 to 64 random bytes. Without any every webhook is refused.
  ///   - tolerance: Five minutes by default.
  /// - Throws: `invalidSecret`.
  public init(secrets: [String], tolerance: Duration = .seconds(300)) throws(SignatureError) {
    var keys: [SigningKey] = []
    for secret in secrets {
      guard
        secret.hasPrefix(Self.prefix), let bytes = Data(base64Encoded: String(secret.dropFirst(Self.prefix.count))),
        Self.secretBytes.contains(bytes.count)
      else { throw SignatureError(.invalidSecret) }
      keys.append(SigningKey(bytes))
    }
    self.keys = keys
    self.tolerance = tolerance
  }

  /// A new random secret of 32 bytes, in the form that is shown and configured.
  public static func newSecret() -> String {
    // The system's generator, which is fit for secrets.
    prefix + Data((0..<32).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
  }

  /// The three fields for a body that is sent now.
  ///
  /// - Parameter id: The event's, 1 to ``maxIdLength`` printable ASCII characters without spaces and full stops: a full stop would let parts
  ///   of the signed text change places.
  /// - Throws: `malformed` for an id that breaks these rules; `invalidSecret` if there is none.
  public func sign(_ body: some DataProtocol, id: String, at time: Date = Date()) throws(SignatureError) -> HTTPFields {
    guard !keys.isEmpty else { throw SignatureError(.invalidSecret) }
    try Self.checkId(id)
    let seconds = "\(Int64(time.timeIntervalSince1970))"
    let content = SignedContent("\(id).\(seconds).", body)
    let signatures = keys.map { "v1," + Data(content.code($0)).base64EncodedString() }
    return [.webhookId: id, .webhookTimestamp: seconds, .webhookSignature: signatures.joined(separator: " ")]
  }

  /// Returns the event's id if one of the secrets signed this body, at most ``tolerance`` before or after `now`. Signatures of other kinds
  /// (`v1a`) are passed over.
  ///
  /// - Throws: `missing`, `malformed`, `expired`, `mismatch`. Answer all of them alike.
  @discardableResult
  public func verify(
    _ fields: HTTPFields,
    of body: some DataProtocol,
    at now: Date = Date()
  ) throws(SignatureError) -> String {
    guard
      let id = fields[.webhookId], let seconds = fields[.webhookTimestamp], let value = fields[.webhookSignature]
    else { throw SignatureError(.missing) }
    guard value.utf8.count <= Self.maxBytes else { throw SignatureError(.malformed) }
    try Self.checkId(id)
    var codes: [[UInt8]] = []
    for part in value.split(separator: " ") {
      let pair = part.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { throw SignatureError(.malformed) }
      // Decoders let pass what no encoder writes.
      if pair[0] == "v1", let code = Data(base64Encoded: String(pair[1])), code.count == SignedContent.codeBytes,
        code.base64EncodedString() == pair[1]
      {
        codes.append(Array(code))
      }
    }
    guard codes.count <= SignedContent.maxSignatures else { throw SignatureError(.malformed) }
    try SignedContent.checkAge(seconds, now, tolerance)
    try SignedContent("\(id).\(seconds).", body).check(codes, keys)
    return id
  }

  private static let prefix = "whsec_"

  private static func checkId(_ id: String) throws(SignatureError) {
    let isPlain = id.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ".") }
    guard isPlain, (1...maxIdLength).contains(id.utf8.count) else { throw SignatureError(.malformed) }
  }
}

extension HTTPField.Name {
  /// `webhook-id` of ``StandardWebhook``.
  public static let webhookId = Self("webhook-id")!
  /// `webhook-timestamp` of ``StandardWebhook``.
  public static let webhookTimestamp = Self("webhook-timestamp")!
  /// `webhook-signature` of ``StandardWebhook``.
  public static let webhookSignature = Self("webhook-signature")!
}
