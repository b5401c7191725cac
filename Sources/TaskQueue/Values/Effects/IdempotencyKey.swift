#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// The name under which an external call is made known to the other side, so that a repetition can be told from another call.
///
/// Derived from the task, the instant of its creation and the effect, never drawn at random: the same in every attempt, after every crash and
/// redrive, and another one for every other task, also for one that gets the same id after commits were lost or in a copy of the database. With
/// a scope (``EffectOptions/scope``) derived from that instead of the task. A
/// ledger binds it to a digest of the request, so it never stands for two requests. As text it is a lower-case UUID (version
/// 8, RFC 9562), which every provider's key field takes.
public struct IdempotencyKey: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// 122 bits of SHA-256 over a tag, the namespace, the task's id and the instant of its creation in microseconds since 2000 (8 bytes each, big
  /// endian), and the effect's name.
  ///
  /// - Parameter namespace: differs between databases.
  public init(namespace: UUID, task: TaskID, createdAt: Date, effect: EffectName) {
    let seconds = createdAt.timeIntervalSinceReferenceDate + 31_622_400
    let microseconds = Int64(exactly: (seconds * 1_000_000).rounded()) ?? .max
    var message = Self.message("taskqueue.effect.2:", namespace)
    withUnsafeBytes(of: task.rawValue.bigEndian) { message.append(contentsOf: $0) }
    withUnsafeBytes(of: microseconds.bigEndian) { message.append(contentsOf: $0) }
    message.append(contentsOf: effect.rawValue.utf8)
    self.init(digestOf: message)
  }

  /// For an action that several tasks may be made for: over another tag, the namespace, the length of the scope in UTF-8 (4 bytes, big endian),
  /// the scope and the effect's name.
  public init(namespace: UUID, scope: String, effect: EffectName) {
    var message = Self.message("taskqueue.scope.1:", namespace)
    withUnsafeBytes(of: UInt32(clamping: scope.utf8.count).bigEndian) { message.append(contentsOf: $0) }
    message.append(contentsOf: scope.utf8)
    message.append(contentsOf: effect.rawValue.utf8)
    self.init(digestOf: message)
  }

  private static func message(_ tag: String, _ namespace: UUID) -> [UInt8] {
    var message = Array(tag.utf8)
    withUnsafeBytes(of: namespace.uuid) { message.append(contentsOf: $0) }
    return message
  }

  private init(digestOf message: [UInt8]) {
    var bytes = SHA256.hash(message)
    bytes[6] = bytes[6] & 0x0F | 0x80
    bytes[8] = bytes[8] & 0x3F | 0x80
    var text = ""
    for (index, byte) in bytes.prefix(16).enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16)
    }
    rawValue = text
  }

  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(String.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  public var description: String { rawValue }
}
