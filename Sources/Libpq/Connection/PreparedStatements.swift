/// Which statements a connection has prepared, under which names.
///
/// A statement is prepared with the parameter types of its first execution. Where a later one has others (what was NULL before has a type
/// now), a variant is prepared beside it: reading a binary value as another type would be wrong.
struct PreparedStatements {
  struct Entry {
    let sql: String
    let types: [UInt32]
    let serverName: String
  }

  private var entries: [String: [Entry]] = [:]
  private var prepareCount = 0

  /// The entry for such an execution, if it is prepared.
  func entry(_ name: String, sql: String, types: [UInt32], nulls: [LibpqValue]) throws(LibpqError) -> Entry? {
    guard let variants = entries[name] else { return nil }
    for variant in variants {
      guard variant.sql == sql else {
        throw LibpqError(.invalidArgument, "two statements have the name \(name)")
      }
      if Self.fits(variant.types, types, nulls) { return variant }
    }
    return nil
  }

  /// A new entry, under a name that this connection never used.
  mutating func newEntry(_ name: String, sql: String, types: [UInt32]) -> Entry {
    prepareCount += 1
    return Entry(sql: sql, types: types, serverName: "\(name)#\(prepareCount)")
  }

  /// Records that the server has prepared it.
  mutating func insert(_ entry: Entry, name: String) {
    entries[name, default: []].append(entry)
  }

  /// Forgets all variants, so that the next execution prepares again.
  mutating func remove(_ name: String) {
    entries[name] = nil
  }

  private static func fits(_ prepared: [UInt32], _ types: [UInt32], _ values: [LibpqValue]) -> Bool {
    guard prepared.count == types.count else { return false }
    for index in types.indices where prepared[index] != types[index] {
      if case .null = values[index].storage { continue }
      return false
    }
    return true
  }
}
