#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// The name under which an external call is made known to the other side, so that a repetition can be told from another call.
///
/// Derived from the task and the effect, never drawn at random: the same in every attempt, after every crash and redrive. A
/// ledger binds it to a digest of the request, so it never stands for two requests. As text it is a lower-case UUID (version
/// 8, RFC 9562), which every provider's key field takes.
public struct IdempotencyKey: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// 122 bits of SHA-256 over a tag, the namespace, the task's id (8 bytes, big endian) and the effect's name.
  ///
  /// - Parameter namespace: differs between databases, as task ids are counted per table.
  public init(namespace: UUID, task: TaskID, effect: EffectName) {
    var message = Array("taskqueue.effect.1:".utf8)
    withUnsafeBytes(of: namespace.uuid) { message.append(contentsOf: $0) }
    withUnsafeBytes(of: task.rawValue.bigEndian) { message.append(contentsOf: $0) }
    message.append(contentsOf: effect.rawValue.utf8)
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
