import Libpq

/// What a statement of the app may do to the transaction that it is to share, as far as its first words tell.
enum StatementManner: Sendable {
  /// It reads or writes rows, and leaves the transaction to what comes after it as it was.
  case plain
  /// It may leave a setting behind, or end a transaction that is no block: for a transaction block of its own.
  case particular
  /// It begins or ends a transaction, or copies rows from or to the client: what comes after it would be in another one.
  case refused

  init(_ statement: LibpqStatement) {
    var rest = statement.sql.utf8[...]
    self =
      switch Self.word(&rest) {
      case "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "VALUES", "TABLE", "NOTIFY", "":
        Self.names("set_config", rest) ? .particular : .plain
      case "BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT": .refused
      case "PREPARE": Self.word(&rest) == "TRANSACTION" ? .refused : .particular
      case "COPY": Self.names("stdin", rest) || Self.names("stdout", rest) ? .refused : .particular
      default: .particular
      }
  }

  /// The most careful of all theirs.
  static func of(_ statements: [LibpqStatement]) -> StatementManner {
    var manner = plain
    for statement in statements {
      switch StatementManner(statement) {
      case .plain: continue
      case .particular: manner = .particular
      case .refused: return .refused
      }
    }
    return manner
  }

  /// The next word, in capitals, behind white space, comments, parentheses and empty statements. Empty: there is none.
  private static func word(_ sql: inout Substring.UTF8View) -> String {
    while let byte = sql.first {
      if sql.starts(with: "--".utf8) {
        sql = sql.drop { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
      } else if sql.starts(with: "/*".utf8) {
        skipComment(&sql)
      } else if byte <= UInt8(ascii: " ") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ";") {
        sql = sql.dropFirst()
      } else {
        break
      }
    }
    let word = sql.prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
    sql = sql[word.endIndex...]
    return String(Substring(word)).uppercased()
  }

  /// Comments nest.
  private static func skipComment(_ sql: inout Substring.UTF8View) {
    var depth = 0
    repeat {
      let opens = sql.starts(with: "/*".utf8)
      let closes = sql.starts(with: "*/".utf8)
      depth += opens ? 1 : closes ? -1 : 0
      sql = sql.dropFirst(opens || closes ? 2 : 1)
    } while depth > 0 && !sql.isEmpty
  }

  /// Whether the text has the word in it, in whatever case, also as a part of another one or in quotes.
  ///
  /// - Parameter word: in small letters.
  private static func names(_ word: String, _ sql: Substring.UTF8View) -> Bool {
    guard let first = word.utf8.first else { return true }
    var rest = sql
    while let start = rest.firstIndex(where: { $0 | 0x20 == first }) {
      rest = rest[start...]
      if rest.lazy.map({ $0 == UInt8(ascii: "_") ? $0 : $0 | 0x20 }).starts(with: word.utf8) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
