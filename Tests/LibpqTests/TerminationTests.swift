import Foundation
import Testing

@testable import Libpq

@Suite("Sessions that end inside a transaction")
struct TerminationTests {
  /// What ends the session while the transaction waits for its client.
  enum End: CaseIterable, Sendable {
    case idleTimeout, administrator
  }

  @Test("COMMIT after it is known to be rolled back", arguments: End.allCases)
  func commit(_ end: End) async throws {
    let error = try await run(end) { _ in }
    #expect(error?.code == .connectionLost)
    #expect(error?.isOutcomeUnknown == false)
    #expect(error?.isRetrySafe == true)
    #expect(error?.sqlState == (end == .idleTimeout ? "25P03" : "57P01"))
  }

  @Test("A statement after it is known to be rolled back", arguments: End.allCases)
  func statement(_ end: End) async throws {
    for isPipeline in [false, true] {
      let error = try await run(end) { transaction in
        if isPipeline {
          _ = try await transaction.pipeline([.init("INSERT INTO termination VALUES (2)"), .init("SELECT 1")])
        } else {
          _ = try await transaction.query("INSERT INTO termination VALUES (2)")
        }
      }
      #expect(error?.code == .connectionLost)
      #expect(error?.isOutcomeUnknown == false)
      #expect(error?.isRetrySafe == true)
    }
  }

  /// A transaction whose session is ended between a statement and `body`.
  private func run(_ end: End, _ body: (LibpqTransaction) async throws -> Void) async throws -> LibpqError? {
    let observer = try await TestServer.connect()
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let error = try await postgresError {
      try await pool.withTransaction { transaction async throws in
        try await transaction.executeScript(
          "CREATE TEMP TABLE termination (id int8); INSERT INTO termination VALUES (1)"
        )
        let process = transaction.backendProcessID
        switch end {
        case .idleTimeout: try await transaction.executeScript("SET idle_in_transaction_session_timeout = 50")
        case .administrator: _ = try await observer.query("SELECT pg_terminate_backend($1)", [.int4(process)])
        }
        let isGone = try await TestServer.eventually {
          try await observer.query("SELECT FROM pg_stat_activity WHERE pid = $1", [.int4(process)]).rowCount == 0
        }
        #expect(isGone)
        try await body(transaction)
      }
    }
    #expect(pool.counts.idle == 0)
    await pool.close()
    await observer.close()
    return error
  }

  @Test("A frozen server at COMMIT holds a cancelled task no longer than the cancel timeout")
  func frozenCommit() async throws {
    var configuration = try await TestServer.configuration()
    configuration.cancelTimeout = .milliseconds(200)
    let connection = try await LibpqConnection.connect(configuration)
    let process = connection.backendProcessID
    let error = try await postgresError {
      try await Task {
        try await connection.withTransaction { transaction async throws in
          try await transaction.executeScript("CREATE TEMP TABLE frozen (id int8)")
          kill(process, SIGSTOP)
          withUnsafeCurrentTask { $0?.cancel() }
        }
      }.value
    }
    kill(process, SIGCONT)
    #expect(error?.code == .commitOutcomeUnknown)
    #expect(!connection.isUsable)
  }

  @Test("A frozen server at the end of a failed savepoint costs the connection")
  func frozenSavepoint() async throws {
    struct Failure: Error {}
    var configuration = try await TestServer.configuration()
    configuration.cancelTimeout = .milliseconds(200)
    let connection = try await LibpqConnection.connect(configuration)
    let process = connection.backendProcessID
    await #expect(throws: Failure.self) {
      try await connection.withTransaction { transaction async throws in
        try await transaction.withSavepoint {
          kill(process, SIGSTOP)
          throw Failure()
        }
      }
    }
    kill(process, SIGCONT)
    #expect(!connection.isUsable)
  }
}
