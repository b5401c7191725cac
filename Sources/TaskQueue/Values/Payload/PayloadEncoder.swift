import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Encodes payloads as an app's `JSONEncoder` does, most of them in less time.
///
/// Values and errors are always those of the encoder. Where the plain way does not lead to a text, whatever the cause, the encoder does it all
/// again: an `encode(to:)` of the app's may then run twice.
final class PayloadEncoder: Sendable {
  /// Attempts that were in vain before a type is left to the encoder for good.
  private var maxMisses: Int { 16 }

  /// For what is compared byte by byte, or kept as it is: sorted members, no needless escapes.
  static let canonical = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return PayloadEncoder(by: encoder)
  }()

  private let encoder: JSONEncoder
  /// How the encoder was set up when it was needed first.
  private let rules = AtomicLazyReference<Rules>()
  private let hasMisses = Atomic(false)
  private let misses = Mutex<[ObjectIdentifier: Int]>([:])

  private final class Rules: Sendable {
    let plain: PlainEncoding?

    init(_ plain: PlainEncoding?) { self.plain = plain }
  }

  init(by encoder: JSONEncoder) { self.encoder = encoder }

  func encode<Value: Encodable>(_ value: Value) throws -> Data {
    let rules = rules.load() ?? rules.storeIfNil(Rules(PlainEncoding(by: encoder)))
    guard let plain = rules.plain, !isHopeless(Value.self) else { return try encoder.encode(value) }
    if let json = plain.encode(value) { return json }
    // A value that cannot be encoded at all says nothing of those that can.
    let json = try encoder.encode(value)
    misses.withLock { $0[ObjectIdentifier(Value.self), default: 0] += 1 }
    hasMisses.store(true, ordering: .relaxed)
    return json
  }

  private func isHopeless(_ type: any Any.Type) -> Bool {
    guard hasMisses.load(ordering: .relaxed) else { return false }
    return misses.withLock { $0[ObjectIdentifier(type), default: 0] >= maxMisses }
  }
}
