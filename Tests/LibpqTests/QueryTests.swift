import Foundation
import Libpq
import Testing

@Suite("Queries")
struct QueryTests {
  @Test("A server error carries its SQLSTATE and fields, and leaves the connection usable")
  func serverErrors() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE item (id int8 CONSTRAINT item_key PRIMARY KEY)")
    _ = try await connection.query("INSERT INTO item VALUES ($1)", [7])
    let duplicate = try await postgresError { _ = try await connection.query("INSERT INTO item VALUES ($1)", [7]) }
    #expect(duplicate?.code == .server)
    #expect(duplicate?.sqlState == "23505")
    #expect(duplicate?.constraint == "item_key")
    #expect(duplicate?.table == "item")
    #expect(duplicate?.detail?.contains("(7)") == true)
    #expect(duplicate?.isRetrySafe == false)
    #expect(duplicate?.isOutcomeUnknown == false)
    #expect("\(duplicate as Any)".contains("(7)") == false)
    let secret = try await postgresError { _ = try await connection.query("SELECT $1::text::int4", ["s3cret"]) }
    #expect(secret?.sqlState == "22P02")
    #expect("\(secret as Any)".contains("22P02"))
    #expect(connection.isUsable)
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
  }

  @Test("A description never quotes a parameter")
  func descriptions() async throws {
    let connection = try await TestServer.connect()
    let error = try await postgresError { _ = try await connection.query("SELECT $1::text::int4", ["s3cret"]) }
    #expect(error?.description.contains("s3cret") == false)
    await connection.close()
  }

  @Test("Affected rows and columns are reported")
  func resultShape() async throws {
    let connection = try await TestServer.connect()
    let result = try await connection.query("SELECT g AS number, 'x' AS word FROM generate_series(1, 5) AS g")
    #expect(result.rowCount == 5)
    #expect(result.rows.count == 5)
    #expect(result.columnIndex("word") == 1)
    #expect(result.columnIndex("none") == nil)
    #expect(try result.rows.map { try $0.int4(0) } == [1, 2, 3, 4, 5])
    try await connection.executeScript("CREATE TEMP TABLE n AS SELECT generate_series(1, 10) AS n")
    #expect(try await connection.query("DELETE FROM n WHERE n > $1", [4]).affectedRows == 6)
    let script = try await connection.executeScript("SELECT 1; SELECT 2 AS two")
    #expect(try script?[0].int8(0) == 2)
    await connection.close()
  }

  @Test("A named statement is prepared once, anew for other parameter types, and again when it went stale")
  func preparedStatements() async throws {
    let connection = try await TestServer.connect()
    let count = LibpqStatement("SELECT count(*) FROM pg_prepared_statements")
    for value in [41, nil, 42] as [LibpqValue] {
      _ = try await connection.query(LibpqStatement("SELECT $1", [value], name: "same"))
    }
    #expect(try await connection.query(count)[0].int8(0) == 1)
    let null = LibpqStatement("SELECT $1::int8", [nil], name: "null first")
    #expect(try await connection.query(null)[0].optionalInt8(0) == nil)
    let typed = LibpqStatement("SELECT $1::int8", [.int4(3)], name: "null first")
    #expect(try await connection.query(typed)[0].int8(0) == 3)
    #expect(try await connection.query(count)[0].int8(0) == 3)
    let other = LibpqStatement("SELECT 2", name: "same")
    #expect(try await postgresError { _ = try await connection.query(other) }?.code == .invalidArgument)

    try await connection.executeScript("CREATE TEMP TABLE shape (a int)")
    let star = LibpqStatement("SELECT * FROM shape", name: "star")
    _ = try await connection.query(star)
    try await connection.executeScript("ALTER TABLE shape ADD b int")
    #expect(try await postgresError { _ = try await connection.query(star) }?.sqlState == "0A000")
    #expect(try await connection.query(star).columnCount == 2)
    await connection.close()
  }

  @Test("Names are ignored where statements must not be prepared")
  func unprepared() async throws {
    var configuration = try await TestServer.configuration()
    configuration.preparesStatements = false
    let connection = try await LibpqConnection.connect(configuration)
    let statement = LibpqStatement("SELECT count(*) FROM pg_prepared_statements", name: "count")
    for _ in 0..<2 { #expect(try await connection.query(statement)[0].int8(0) == 0) }
    #expect(try await connection.pipeline([statement, statement])[1][0].int8(0) == 0)
    await connection.close()
  }

  @Test("Cancelling the task cancels the statement and keeps the connection")
  func cancellation() async throws {
    let connection = try await TestServer.connect()
    let task = Task { try await connection.query("SELECT pg_sleep(60)") }
    #expect(try await TestServer.awaitWaitEvent("PgSleep", of: connection.backendProcessID))
    task.cancel()
    let error = try await postgresError { _ = try await task.value }
    #expect(error?.code == .cancelled)
    #expect(error?.sqlState == "57014")
    #expect(connection.isUsable)
    for _ in 0..<20 { #expect(try await connection.query("SELECT 1")[0].int8(0) == 1) }
    await connection.close()
  }

  @Test("Cancellations at any moment never hit the next statement")
  func cancellationRaces() async throws {
    let connection = try await TestServer.connect()
    var outcomes: Set<String> = []
    for round in 0..<150 {
      let task = Task { try await connection.query("SELECT pg_sleep(0.0005)") }
      for _ in 0..<(round * 7 % 60) { await Task.yield() }
      task.cancel()
      let error = try await postgresError { _ = try await task.value }
      outcomes.insert(error?.code.description ?? "result")
      #expect(try await connection.query("SELECT $1", [.int8(Int64(round))])[0].int8(0) == Int64(round))
    }
    #expect(outcomes.isSubset(of: ["cancelled", "result"]))
    await connection.close()
  }

  @Test("A cancelled task's statement is not sent at all")
  func cancelledBefore() async throws {
    let connection = try await TestServer.connect()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      _ = try await connection.query("SELECT 1")
    }
    #expect(try await postgresError { try await task.value }?.code == .cancelled)
    #expect(connection.isUsable)
    await connection.close()
  }

  @Test("The statement timeout cancels the statement and keeps the connection")
  func statementTimeout() async throws {
    var configuration = try await TestServer.configuration()
    configuration.statementTimeout = .milliseconds(50)
    let connection = try await LibpqConnection.connect(configuration)
    let error = try await postgresError { _ = try await connection.query("SELECT pg_sleep(60)") }
    #expect(error?.code == .timeout)
    #expect(error?.isOutcomeUnknown == false)
    let pipelined = try await postgresError {
      _ = try await connection.pipeline([.init("SELECT 1"), .init("SELECT pg_sleep(60)"), .init("SELECT 2")])
    }
    #expect(pipelined?.code == .timeout)
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
  }

  @Test("A connection whose server process is terminated during a statement is lost, and a retry is safe")
  func termination() async throws {
    let connection = try await TestServer.connect()
    let task = Task { try await connection.query("SELECT pg_sleep(60)") }
    #expect(try await TestServer.awaitWaitEvent("PgSleep", of: connection.backendProcessID))
    let killer = try await TestServer.connect()
    _ = try await killer.query("SELECT pg_terminate_backend($1)", [.int4(connection.backendProcessID)])
    let error = try await postgresError { _ = try await task.value }
    #expect(error?.code == .connectionLost)
    #expect(error?.sqlState == "57P01")
    #expect(error?.isRetrySafe == true)
    #expect(!connection.isUsable)
    #expect(try await postgresError { _ = try await connection.query("SELECT 1") }?.code == .connectionLost)
    await killer.close()
  }

  @Test("Statements of several tasks on one connection run one after the other")
  func sharedConnection() async throws {
    let connection = try await TestServer.connect()
    let sum = try await withThrowingTaskGroup(of: Int64.self) { group in
      for number in 0..<50 {
        group.addTask { try await connection.query("SELECT $1", [.int8(Int64(number))])[0].int8(0) }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 1225)
    await connection.close()
  }
}
