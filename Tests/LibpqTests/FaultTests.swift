import EmbeddedPostgres
import Foundation
import Libpq
import Testing

@Suite("Faults of the server")
struct FaultTests {
  @Test("A server that stops answering, and one that restarts, cost the connection and not the program")
  func pauseAndRestart() async throws {
    let server = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    var configuration = LibpqConfiguration(server.connectionString)
    configuration.statementTimeout = .milliseconds(200)
    configuration.cancelTimeout = .milliseconds(200)
    let pool = LibpqPool(configuration, maxConnections: 2)
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)

    let connection = try await LibpqConnection.connect(configuration)
    try await connection.executeScript("CREATE TABLE entry (id int8)")
    server.pause()
    let silent = try await postgresError { _ = try await connection.query("INSERT INTO entry VALUES (1)") }
    server.resume()
    #expect(silent?.code == .timeout)
    #expect(silent?.isOutcomeUnknown == true)
    #expect(silent?.isRetrySafe == false)
    #expect(!connection.isUsable)

    let unresolved = try await postgresError {
      try await LibpqConnection.connect(configuration).withTransaction { transaction in
        _ = try await transaction.query("INSERT INTO entry VALUES (2)")
        server.pause()
      }
    }
    server.resume()
    #expect(unresolved?.code == .commitOutcomeUnknown)

    let inTransaction = try await postgresError {
      try await LibpqConnection.connect(configuration).withTransaction { transaction in
        _ = try await transaction.query("INSERT INTO entry VALUES (3)")
        server.pause()
        defer { server.resume() }
        _ = try await transaction.query("INSERT INTO entry VALUES (4)")
      }
    }
    #expect(inTransaction?.code == .timeout)
    #expect(inTransaction?.isRetrySafe == true)

    try await server.restart(immediate: true)
    #expect(try await pool.query("SELECT count(*) FROM entry WHERE id > 2")[0].int8(0) == 0)
    await pool.close()
    await server.stop()
  }
}
