import Foundation
import Libpq
import Testing

@Suite("Pipelines")
struct PipelineTests {
  @Test("A pipeline returns one result per statement, in order")
  func order() async throws {
    let connection = try await TestServer.connect()
    let statements = (0..<300).map { LibpqStatement("SELECT $1", [.int8(Int64($0))], name: "one of \($0 % 3)") }
    let results = try await connection.pipeline(statements)
    #expect(try results.map { try $0[0].int8(0) } == (0..<300).map { Int64($0) })
    #expect(try await connection.query("SELECT count(*) FROM pg_prepared_statements")[0].int8(0) == 3)
    #expect(try await connection.pipeline([]).isEmpty)
    await connection.close()
  }

  @Test("A pipeline with an error keeps nothing, throws the first error and leaves the connection usable")
  func allOrNothing() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE kept (id int8 PRIMARY KEY)")
    let insert = { (id: Int64) in LibpqStatement("INSERT INTO kept VALUES ($1)", [.int8(id)], name: "insert") }
    let late = LibpqStatement("SELECT 'late'", name: "late")
    let broken = LibpqStatement("SELECT nothing", name: "broken")
    let error = try await postgresError {
      _ = try await connection.pipeline([insert(1), insert(1), broken, late])
    }
    #expect(error?.sqlState == "23505")
    #expect(try await connection.query("SELECT count(*) FROM kept")[0].int8(0) == 0)
    // The first was prepared, the others were not, and the connection knows which.
    _ = try await connection.pipeline([insert(1), insert(2), late])
    #expect(try await postgresError { _ = try await connection.query(broken) }?.sqlState == "42703")
    #expect(try await connection.query(late)[0].text(0) == "late")
    #expect(try await connection.query("SELECT count(*) FROM kept")[0].int8(0) == 2)
    await connection.close()
  }

  @Test("A commit that fails at the pipeline's end is the server's error, and leaves the connection usable")
  func failedCommit() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE late (id int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    for count in 1...3 {
      let inserts = Array(repeating: LibpqStatement("INSERT INTO late VALUES (1), (1)", name: "insert"), count: count)
      let error = try await postgresError { _ = try await connection.pipeline(inserts) }
      #expect(error?.code == .server)
      #expect(error?.sqlState == "23505")
      #expect(error?.isOutcomeUnknown == false)
    }
    #expect(try await connection.query("SELECT count(*) FROM late")[0].int8(0) == 0)
    await connection.close()
  }

  @Test("A pipeline of 10 MB each way does not deadlock")
  func large() async throws {
    let connection = try await TestServer.connect()
    let chunk = String(repeating: "x", count: 100_000)
    let statements = Array(repeating: LibpqStatement("SELECT $1", [.text(chunk)], name: "echo"), count: 100)
    let results = try await connection.pipeline(statements)
    #expect(try results.map { try $0[0].text(0).utf8.count }.reduce(0, +) == 10_000_000)
    await connection.close()
  }

  @Test("COPY in a pipeline is refused, and says that the server may have committed it outside of a transaction")
  func copy() async throws {
    let copies = [LibpqStatement("SELECT 1"), LibpqStatement("COPY (SELECT 1) TO STDOUT")]
    let connection = try await TestServer.connect()
    let error = try await postgresError { _ = try await connection.pipeline(copies) }
    #expect(error?.code == .invalidArgument && error?.isOutcomeUnknown == true)
    let other = try await TestServer.connect()
    let inside = try await postgresError {
      try await other.withTransaction { transaction async throws in _ = try await transaction.pipeline(copies) }
    }
    #expect(inside?.code == .invalidArgument && inside?.isOutcomeUnknown == false)
    await connection.close()
    await other.close()
  }

  @Test("Inside a transaction a pipeline is part of it")
  func inTransaction() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE part (id int8)")
    struct Refusal: Error {}
    await #expect(throws: Refusal.self) {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.pipeline([.init("INSERT INTO part VALUES (1)"), .init("INSERT INTO part VALUES (2)")])
        throw Refusal()
      }
    }
    #expect(try await connection.query("SELECT count(*) FROM part")[0].int8(0) == 0)
    await connection.close()
  }

  @Test("Cancelling the task cancels a pipeline")
  func cancellation() async throws {
    let connection = try await TestServer.connect()
    let task = Task {
      try await connection.pipeline([.init("SELECT 1"), .init("SELECT pg_sleep(60)"), .init("SELECT 2")])
    }
    #expect(try await TestServer.awaitWaitEvent("PgSleep", of: connection.backendProcessID))
    task.cancel()
    #expect(try await postgresError { _ = try await task.value }?.code == .cancelled)
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
  }
}
