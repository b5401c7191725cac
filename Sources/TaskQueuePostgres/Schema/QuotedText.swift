import Libpq

/// Texts of others, made safe for SQL and for a shell.
///
/// By Unicode scalars: to Swift a quote with an accent is one character, and no quote; to PostgreSQL and to a shell it ends the text.
package enum QuotedText {
  /// A name in double quotes, as SQL has it.
  package static func identifier(_ name: String) -> String { LibpqIdentifier.quoted(name) }

  /// A string constant of SQL, whatever `standard_conforming_strings` says.
  package static func literal(_ text: String) -> String {
    let quoted = "'\(text.replacingScalar("'", with: "''"))'"
    guard text.unicodeScalars.contains("\\") else { return quoted }
    return "E\(quoted.replacingScalar("\\", with: "\\\\"))"
  }

  /// A word for a POSIX shell.
  package static func shellWord(_ text: String) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "._-/:@".utf8.contains(byte)
        }
      }
    return isPlain ? text : "'\(text.replacingScalar("'", with: "'\\''"))'"
  }
}

extension String {
  fileprivate func replacingScalar(_ scalar: Unicode.Scalar, with replacement: String) -> String {
    var result = String.UnicodeScalarView()
    for next in unicodeScalars {
      if next == scalar { result.append(contentsOf: replacement.unicodeScalars) } else { result.append(next) }
    }
    return String(result)
  }
}
