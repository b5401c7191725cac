import Foundation

/// Inserts of the same rows, without the store.
struct RawEnqueue: Sendable {
  let connectionString: String
  let statements: RawStatements
  let type: String

  /// One INSERT per commit, for as long as told. Blocks.
  ///
  /// - Returns: rows inserted.
  func singles(for time: Duration) throws -> Int {
    let connection = try RawConnection(connectionString)
    try connection.prepare("insert", statements.insert)
    let parameters = RawParameters(count: 2)
    parameters.set(0, text: type)
    parameters.set(1, text: #"{"number":123456}"#)
    let end = ContinuousClock.now + time
    var count = 0
    while ContinuousClock.now < end {
      try connection.execute("insert", parameters)
      count += 1
    }
    return count
  }

  /// One `unnest` statement and one commit per batch. Blocks.
  func bulk(total: Int, batch: Int) throws {
    let connection = try RawConnection(connectionString)
    try connection.prepare("insert", statements.insertMany)
    let parameters = RawParameters(count: 2)
    let rows = (0..<batch).map { Self.payload($0) }
    parameters.set(0, binary: RawArray.encode(rows.map { _ in Array(type.utf8) }, type: RawArray.text))
    parameters.set(1, binary: RawArray.encode(rows, type: RawArray.json))
    for _ in 0..<total / batch { try connection.execute("insert", parameters) }
  }

  /// One binary COPY and one commit per batch. Blocks.
  func copy(total: Int, batch: Int) throws {
    let connection = try RawConnection(connectionString)
    var bytes = Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + [UInt8](repeating: 0, count: 8)
    for index in 0..<batch {
      bytes += [0, 2]
      for field in [Array(type.utf8), Self.payload(index)] {
        RawArray.append(UInt32(field.count), to: &bytes)
        bytes += field
      }
    }
    bytes += [0xFF, 0xFF]
    for _ in 0..<total / batch { try connection.copy(statements.copy, bytes) }
  }

  private static func payload(_ number: Int) -> [UInt8] { Array("{\"number\":\(number)}".utf8) }
}
