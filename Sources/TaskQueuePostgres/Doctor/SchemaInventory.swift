import TaskQueueMigrations

/// What the numbered migrations make: read from their own text, so that it needs no list beside them.
struct SchemaInventory: Sendable {
  struct Column: Hashable, Sendable {
    var table: String
    var name: String
    /// Its type and constraints, as the file has them.
    var definition: String
  }

  struct Index: Hashable, Sendable {
    var name: String
    var table: String
    /// What makes it; of a primary key, ADD PRIMARY KEY. Names of the schema's objects stand without it.
    var definition: String
  }

  private(set) var tables: [String] = []
  private(set) var views: [String] = []
  private(set) var columns: [Column] = []
  private(set) var indexes: [Index] = []

  init(_ files: [MigrationFile]) {
    for file in files {
      for statement in SQLScript.statements(String(decoding: file.bytes, as: UTF8.self)) { read(statement) }
    }
  }

  private mutating func read(_ statement: String) {
    let words = statement.split(separator: " ", maxSplits: 7).map(String.init)
    switch words.first {
    case "CREATE": create(statement, words)
    case "ALTER" where words.count > 3 && words[1] == "TABLE": alter(words[2], statement)
    case "DROP":
      let names = words.dropFirst(2).filter { !["IF", "EXISTS"].contains($0) }.map { $0.trimmingSuffix { $0 == "," } }
      switch words.dropFirst().first {
      case "INDEX": indexes.removeAll { names.contains(Substring($0.name)) }
      case "VIEW": views.removeAll { names.contains(Substring($0)) }
      case "TABLE":
        tables.removeAll { names.contains(Substring($0)) }
        columns.removeAll { names.contains(Substring($0.table)) }
        indexes.removeAll { names.contains(Substring($0.table)) }
      default: break
      }
    default: break
    }
  }

  private mutating func create(_ statement: String, _ words: [String]) {
    let kind = words.dropFirst().filter { !["OR", "REPLACE", "UNIQUE", "IF", "NOT", "EXISTS"].contains($0) }
    guard kind.count > 1 else { return }
    let name = kind[kind.startIndex + 1]
    switch kind[kind.startIndex] {
    case "TABLE":
      tables.append(name)
      if !statement.contains(" PARTITION OF ") { createTable(name, statement) }
    case "VIEW": if !views.contains(name) { views.append(name) }
    case "INDEX":
      guard kind.count > 3 else { return }
      indexes.append(Index(name: name, table: kind[kind.startIndex + 3], definition: statement))
    default: break
    }
  }

  private mutating func createTable(_ table: String, _ statement: String) {
    for item in SQLScript.items(SQLScript.parenthesized(statement)) {
      let words = item.split(separator: " ").map(String.init)
      if item.hasPrefix("PRIMARY KEY") {
        addPrimaryKey(table, String(SQLScript.parenthesized(item)))
      } else if !["CONSTRAINT", "CHECK", "UNIQUE", "FOREIGN", "EXCLUDE"].contains(where: { item.hasPrefix($0) }) {
        addColumn(table, words)
        if item.contains("PRIMARY KEY") { addPrimaryKey(table, words[0]) }
      }
    }
  }

  private mutating func alter(_ table: String, _ statement: String) {
    let prefix = "ALTER TABLE \(table) "
    guard statement.hasPrefix(prefix) else { return }
    for item in SQLScript.items(statement.dropFirst(prefix.count)) {
      let words = item.split(separator: " ").map(String.init)
      if item.hasPrefix("ADD COLUMN "), words.count > 3 { addColumn(table, Array(words.dropFirst(2))) }
      if item.hasPrefix("DROP COLUMN "), words.count > 2 {
        columns.removeAll { $0.table == table && $0.name == words[2] }
      }
    }
  }

  private mutating func addColumn(_ table: String, _ words: [String]) {
    columns.append(Column(table: table, name: words[0], definition: words.dropFirst().joined(separator: " ")))
  }

  private mutating func addPrimaryKey(_ table: String, _ columns: String) {
    indexes.append(Index(name: "\(table)_pkey", table: table, definition: "ADD PRIMARY KEY (\(columns))"))
  }
}

extension String {
  fileprivate func trimmingSuffix(_ matches: (Character) -> Bool) -> Substring {
    var rest = Substring(self)
    while let last = rest.last, matches(last) { rest.removeLast() }
    return rest
  }
}
