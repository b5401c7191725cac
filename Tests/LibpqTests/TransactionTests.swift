import EmbeddedPostgres
import Foundation
import Libpq
import Synchronization
import Testing

@Suite("Transactions")
struct TransactionTests {
  struct Refusal: Error {}

  @Test("A transaction commits when its body returns and rolls back when it throws")
  func commitAndRollback() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE entry (id int8)")
    let value = try await connection.withTransaction { transaction async throws in
      try await transaction.query("INSERT INTO entry VALUES (1) RETURNING id")[0].int8(0)
    }
    #expect(value == 1)
    await #expect(throws: Refusal.self) {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.query("INSERT INTO entry VALUES (2)")
        throw Refusal()
      }
    }
    #expect(try await connection.query("SELECT count(*) FROM entry")[0].int8(0) == 1)
    await connection.close()
  }

  @Test("Isolation level, read only and deferrable reach the server")
  func options() async throws {
    let connection = try await TestServer.connect()
    let options = LibpqTransactionOptions(isolationLevel: .serializable, isReadOnly: true, isDeferrable: true)
    let row = try await connection.withTransaction(options) { transaction in
      try await transaction.query(
        """
        SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'),
          current_setting('transaction_deferrable')
        """
      )[0]
    }
    #expect(try row.text(0) == "serializable")
    #expect(try row.text(1) == "on")
    #expect(try row.text(2) == "on")
    await connection.close()
  }

  @Test("A savepoint undoes its own part only")
  func savepoints() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE step (id int8 PRIMARY KEY)")
    try await connection.withTransaction { transaction async throws in
      _ = try await transaction.query("INSERT INTO step VALUES (1)")
      let error = try await postgresError {
        try await transaction.withSavepoint {
          _ = try await transaction.query("INSERT INTO step VALUES (2)")
          try await transaction.withSavepoint { _ = try await transaction.query("INSERT INTO step VALUES (3)") }
          _ = try await transaction.query("INSERT INTO step VALUES (1)")
        }
      }
      #expect(error?.sqlState == "23505")
      try await transaction.withSavepoint { _ = try await transaction.query("INSERT INTO step VALUES (4)") }
    }
    let ids = try await connection.query("SELECT id FROM step ORDER BY id").rows.map { try $0.int8(0) }
    #expect(ids == [1, 4])
    await connection.close()
  }

  @Test("COMMIT of a transaction that has failed is reported as aborted")
  func swallowedError() async throws {
    let connection = try await TestServer.connect()
    let error = try await postgresError {
      try await connection.withTransaction { transaction async throws in
        _ = try? await transaction.query("SELECT 1/0")
      }
    }
    #expect(error?.code == .transactionAborted)
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
  }

  @Test("A constraint that fails at COMMIT is the server's error, with a known outcome")
  func deferredConstraint() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE d (id int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    let error = try await postgresError {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.query("INSERT INTO d VALUES (1), (1)")
      }
    }
    #expect(error?.code == .server)
    #expect(error?.sqlState == "23505")
    #expect(error?.isOutcomeUnknown == false)
    await connection.close()
  }

  @Test("A cancelled task rolls back and leaves the connection usable")
  func cancelledRollback() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE c (id int8)")
    let task = Task {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.query("INSERT INTO c VALUES (1)")
        _ = try await transaction.query("SELECT pg_sleep(60)")
      }
    }
    #expect(try await TestServer.awaitWaitEvent("PgSleep", of: connection.backendProcessID))
    task.cancel()
    #expect(try await postgresError { try await task.value }?.code == .cancelled)
    #expect(try await connection.query("SELECT count(*) FROM c")[0].int8(0) == 0)
    await connection.close()
  }

  @Test("Cancellation after the last statement does not stop COMMIT")
  func cancelledCommit() async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE c (id int8)")
    try await Task {
      try await connection.withTransaction { transaction async throws in
        _ = try await transaction.query("INSERT INTO c VALUES (1)")
        withUnsafeCurrentTask { $0?.cancel() }
      }
    }.value
    #expect(try await connection.query("SELECT count(*) FROM c")[0].int8(0) == 1)
    await connection.close()
  }

  @Test("A transaction that has ended, and one inside another, are refused")
  func misuse() async throws {
    let connection = try await TestServer.connect()
    let escaped = try await connection.withTransaction { $0 }
    #expect(try await postgresError { _ = try await escaped.query("SELECT 1") }?.code == .protocolViolation)
    let nested = try await postgresError {
      try await connection.withTransaction { _ in try await connection.withTransaction { _ in } }
    }
    #expect(nested?.code == .protocolViolation)
    #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
    await connection.close()
  }

  @Test(
    "S28 A connection lost during COMMIT leaves the outcome unknown, and the pool finds out that it was rolled back"
  )
  func lostCommitAborted() async throws {
    let table = TestServer.uniqueName()
    let setup = try await TestServer.connect()
    try await setup.executeScript(
      """
      CREATE TABLE \(table) (id int8);
      CREATE FUNCTION \(table)_nap() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER nap AFTER INSERT ON \(table) DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION \(table)_nap()
      """
    )
    let configuration = try await TestServer.configuration()
    let pool = LibpqPool(configuration)
    for (knowsID, code) in [(false, LibpqError.Code.commitOutcomeUnknown), (true, .transactionAborted)] {
      let error = try await lostCommit(pool, setup, table, knowsID: knowsID, "PgSleep")
      #expect(error?.code == code)
      #expect(error?.isOutcomeUnknown == !knowsID)
      #expect(error?.isRetrySafe == knowsID)
    }
    #expect(try await setup.query("SELECT count(*) FROM \(table)")[0].int8(0) == 0)
    try await setup.executeScript("DROP TABLE \(table); DROP FUNCTION \(table)_nap")
    await pool.close()
    await setup.close()
  }

  @Test("S28 A connection lost during COMMIT that had committed returns the value")
  func lostCommitCommitted() async throws {
    // COMMIT waits for a standby that never comes, after it has committed locally.
    let server = try await EmbeddedPostgres.start(
      settings: ["synchronous_standby_names": "nobody", "synchronous_commit": "local", "fsync": "off"]
    )
    let configuration = LibpqConfiguration(server.connectionString)
    let setup = try await LibpqConnection.connect(configuration)
    try await setup.executeScript("CREATE TABLE entry (id int8)")
    let pool = LibpqPool(configuration)
    let error = try await lostCommit(pool, setup, "entry", knowsID: true, "SyncRep")
    #expect(error == nil)
    #expect(try await setup.query("SELECT count(*) FROM entry")[0].int8(0) == 1)
    await pool.close()
    await setup.close()
    await server.stop()
  }

  @Test("S28 After a failover another transaction's commit is not taken for the lost one")
  func reusedTransactionID() async throws {
    try await withServer { primary in
      let standby = try await primary.startStandby(name: "other")
      do {
        try await standby.configure(["primary_conninfo": ""])
        let hosts = [primary, standby].map { URL(fileURLWithPath: $0.dataDirectory).deletingLastPathComponent().path }
        var configuration = LibpqConfiguration(
          "host=\(hosts.joined(separator: ",")) user=postgres dbname=postgres target_session_attrs=read-write"
        )
        configuration.statementTimeout = .seconds(2)
        configuration.connectTimeout = .seconds(4)
        let pool = LibpqPool(configuration)
        let error = try await postgresError {
          try await pool.withTransaction { transaction async throws in
            let id = UInt64(try await transaction.query("SELECT pg_current_xact_id()::text::int8")[0].int8(0))
            transaction.transactionID = id
            primary.pause()
            try await standby.promote()
            let next = try await LibpqConnection.connect(LibpqConfiguration(standby.connectionString))
            while try await next.query("SELECT pg_current_xact_id()::text::int8")[0].int8(0) <= Int64(id) {}
            await next.close()
          }
        }
        #expect(error?.code == .commitOutcomeUnknown)
        await pool.close()
      } catch {
        await standby.stop()
        throw error
      }
      await standby.stop()
    }
  }

  /// Inserts a row in a transaction of the pool, and terminates its server process while COMMIT waits.
  private func lostCommit(
    _ pool: LibpqPool,
    _ killer: LibpqConnection,
    _ table: String,
    knowsID: Bool,
    _ event: String
  ) async throws -> LibpqError? {
    let (processes, continuation) = AsyncStream<Int32>.makeStream()
    async let outcome = postgresError {
      try await pool.withTransaction { transaction async throws in
        let row = try await transaction.pipeline([
          .init("SET LOCAL synchronous_commit = on"), .init("INSERT INTO \(table) VALUES (1)"),
          .init("SELECT pg_current_xact_id()"),
        ])[2][0]
        if knowsID { transaction.transactionID = UInt64(try row.int8(0)) }
        continuation.yield(transaction.backendProcessID)
      }
    }
    var iterator = processes.makeAsyncIterator()
    let process = try #require(await iterator.next())
    let isWaiting = try await TestServer.eventually {
      let sql = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = $2"
      return try await killer.query(sql, [.int4(process), .text(event)])[0].int8(0) == 1
    }
    #expect(isWaiting)
    _ = try await killer.query("SELECT pg_terminate_backend($1)", [.int4(process)])
    return try await outcome
  }

  /// What was heard of a statement that was sent ahead.
  private final class Ahead: Sendable {
    let outcomes = Mutex<[Result<Int64, LibpqError>]>([])

    func receive(_ result: Result<LibpqResult, LibpqError>) -> (any Error)? {
      let outcome = result.flatMap { result in Result { () throws(LibpqError) in try result[0].int8(0) } }
      outcomes.withLock { $0.append(outcome) }
      if case .failure = outcome { return Refusal() }
      return nil
    }

    var values: [Int64] { outcomes.withLock { $0.compactMap { try? $0.get() } } }
    var failureCount: Int { outcomes.withLock { $0.count } - values.count }
  }

  private static func withEntries(_ body: (LibpqConnection, Ahead) async throws -> Void) async throws {
    let connection = try await TestServer.connect()
    try await connection.executeScript("CREATE TEMP TABLE entry (id int8 CHECK (id > 0))")
    try await body(connection, Ahead())
    await connection.close()
  }

  private static func insert(_ id: Int) -> LibpqStatement {
    LibpqStatement("INSERT INTO entry VALUES ($1) RETURNING id", [.int8(Int64(id))], name: "insert_entry")
  }

  private static func entries(_ connection: LibpqConnection) async throws -> [Int64] {
    try await connection.query("SELECT id FROM entry ORDER BY id").rows.map { try $0.int8(0) }
  }

  @Test("A statement sent ahead goes with the next one, whatever that is, or before COMMIT")
  func sentAhead() async throws {
    let followers: [@Sendable (LibpqTransaction) async throws -> Void] = [
      { _ in }, { _ = try await $0.query("SELECT 1") }, { _ = try await $0.query(Self.insert(2)) },
      { _ = try await $0.pipeline([Self.insert(2), Self.insert(3)]) }, { try await $0.executeScript("SELECT 1") },
      { transaction in try await transaction.withSavepoint { _ = try await transaction.query(Self.insert(2)) } },
      { transaction in
        try? await transaction.withSavepoint {
          try transaction.sendAhead(Self.insert(9)) { _, _ in nil }
          throw Refusal()
        }
      },
    ]
    for follower in followers {
      try await Self.withEntries { connection, ahead in
        try await connection.withTransaction { transaction in
          try transaction.sendAhead(Self.insert(1)) { ahead.receive($1) }
          #expect(ahead.values.isEmpty)
          try await follower(transaction)
        }
        #expect(ahead.values == [1])
        let entries = try await Self.entries(connection)
        #expect(entries.first == 1)
        #expect(!entries.contains(9))
      }
    }
  }

  @Test("If a statement sent ahead fails, the next one is not run, and the transaction throws what its sender says")
  func sentAheadFails() async throws {
    let followers: [@Sendable (LibpqTransaction) async throws -> Void] = [
      { _ in }, { _ = try await $0.query(Self.insert(2)) }, { _ = try? await $0.query(Self.insert(2)) },
      { _ = try? await $0.pipeline([Self.insert(2), Self.insert(3)]) }, { _ = try? await $0.executeScript("SELECT 1") },
      { transaction in try? await transaction.withSavepoint { _ = try await transaction.query(Self.insert(2)) } },
    ]
    for follower in followers {
      try await Self.withEntries { connection, ahead in
        await #expect(throws: Refusal.self) {
          try await connection.withTransaction { transaction in
            try transaction.sendAhead(Self.insert(-1)) { ahead.receive($1) }
            try await follower(transaction)
          }
        }
        let entries = try await Self.entries(connection)
        #expect(ahead.failureCount == 1 && entries.isEmpty)
      }
    }
  }

  @Test("What was sent ahead of nothing is dropped with the transaction")
  func sentAheadOfNothing() async throws {
    try await Self.withEntries { connection, ahead in
      await #expect(throws: Refusal.self) {
        try await connection.withTransaction { transaction in
          try transaction.sendAhead(Self.insert(1)) { ahead.receive($1) }
          throw Refusal()
        }
      }
      #expect(ahead.values.isEmpty)
      #expect(try await Self.entries(connection).isEmpty)
      let value = try await connection.withTransaction { try await $0.query(Self.insert(5))[0].int8(0) }
      #expect(value == 5)
    }
  }
}
