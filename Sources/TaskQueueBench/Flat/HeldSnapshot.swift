import Libpq

/// Another session with an old snapshot: dead rows that it could still see can't be removed.
struct HeldSnapshot: Sendable {
  private let connection: LibpqConnection

  static func take(_ database: BenchmarkDatabase) async throws -> HeldSnapshot {
    let connection = try await LibpqConnection.connect(LibpqConfiguration(database.connectionString))
    try await connection.executeScript("BEGIN ISOLATION LEVEL REPEATABLE READ")
    _ = try await connection.query("SELECT count(*) FROM \(BenchmarkDatabase.schema).task")
    return HeldSnapshot(connection: connection)
  }

  /// - Throws: also when the snapshot was lost before: then it proved nothing.
  func release() async throws {
    let row = try await connection.query("SELECT count(*) FROM \(BenchmarkDatabase.schema).task")
    guard try row[0].int8(0) == 0 else { throw BenchmarkError("The snapshot wasn't held: it shows newer tasks.") }
    try await connection.executeScript("ROLLBACK")
    await connection.close()
  }
}
