import CLibpq

/// The parts of a connection string that PgBouncer needs.
struct ServerAddress: Equatable, Sendable {
  private(set) var parts: [String: String] = [:]

  /// - Throws: ``BenchmarkError`` for what libpq can't read.
  init(_ connectionString: String) throws {
    guard let options = PQconninfoParse(connectionString, nil) else {
      throw BenchmarkError("The connection string can't be read.")
    }
    defer { PQconninfoFree(options) }
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { parts[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
  }

  /// A line for the `[databases]` section.
  func databaseLine(_ name: String) -> String {
    let kept = ["host", "port", "dbname", "user", "password"].compactMap { key in
      parts[key].map { "\(key)='\($0.replacing("'", with: "''"))'" }
    }
    return "\(name) = \(kept.joined(separator: " "))"
  }
}
