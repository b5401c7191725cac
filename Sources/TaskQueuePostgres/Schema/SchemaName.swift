import Libpq
@_spi(Store) import TaskQueue

/// A schema's name, validated and quoted once.
struct SchemaName: Sendable {
  let name: String
  /// In double quotes, for SQL text.
  let quoted: String

  init(_ name: String) throws(TaskQueueError) {
    self.name = name
    do { quoted = try LibpqIdentifier.quotedIdentifier(name) } catch {
      throw TaskQueueError(.invalidName, "The schema's name cannot be used: \(error.message).")
    }
  }

  /// The name of an object in the schema as a string constant of SQL, whatever `standard_conforming_strings` says.
  func literal(of object: String) -> String {
    let literal = QuotedText.literal("\(quoted).\(object)")
    // A letter before it would be taken for a part of it.
    return literal.hasPrefix("E") ? " \(literal)" : literal
  }

  /// Distinguishes the prepared statements of two schemas on one connection: FNV-1a, 64 bits, in hex.
  var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
