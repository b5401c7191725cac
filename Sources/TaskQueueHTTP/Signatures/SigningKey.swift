import TaskQueue

/// A secret, and the HMAC-SHA256 (RFC 2104) that it makes. No dump and no description shows it.
///
/// Additions, rotations and bitwise operations on whole words only: how long it takes depends on lengths, not on values.
struct SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
  private static let blockBytes = 64

  /// As long as a block.
  private let block: [UInt8]

  init(_ secret: some Sequence<UInt8>) {
    var block = Array(secret)
    if block.count > Self.blockBytes { block = SHA256.hash(block) }
    self.block = block + Array(repeating: 0, count: Self.blockBytes - block.count)
  }

  /// 32 bytes.
  func code(_ message: [UInt8]) -> [UInt8] {
    SHA256.hash(block.map { $0 ^ 0x5C } + SHA256.hash(block.map { $0 ^ 0x36 } + message))
  }

  /// Takes the same time wherever they differ.
  static func areEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  var description: String { "SigningKey" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
