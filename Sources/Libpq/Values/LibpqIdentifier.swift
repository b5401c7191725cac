/// Names of tables, schemas, channels and savepoints, made safe for SQL text.
public enum LibpqIdentifier {
  /// PostgreSQL cuts longer names silently (NAMEDATALEN - 1).
  public static let maxBytes = 63

  /// The name in double quotes, inner double quotes doubled.
  ///
  /// - Throws: ``LibpqError/Code/invalidArgument`` if the name is empty, longer than 63 bytes of UTF-8, or has a NUL character.
  public static func quotedIdentifier(_ name: String) throws(LibpqError) -> String {
    guard !name.isEmpty else { throw LibpqError(.invalidArgument, "a name is empty") }
    guard name.utf8.count <= maxBytes else {
      throw LibpqError(.invalidArgument, "a name is longer than \(maxBytes) bytes")
    }
    guard !name.utf8.contains(0) else { throw LibpqError(.invalidArgument, "a name has a NUL character") }
    return quoted(name)
  }

  /// The same without a look at the name. By Unicode scalars: to Swift a quote with an accent is one character, to PostgreSQL it ends the name.
  package static func quoted(_ name: String) -> String {
    var quoted = "\""
    for character in name.unicodeScalars {
      if character == "\"" { quoted.unicodeScalars.append("\"") }
      quoted.unicodeScalars.append(character)
    }
    return quoted + "\""
  }
}
