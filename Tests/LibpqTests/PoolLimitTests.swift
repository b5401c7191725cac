import Testing

@testable import Libpq

@Suite("Waiting for a pool")
struct PoolLimitTests {
  @Test("A wait ends after the acquire timeout, says what is lent, and is counted")
  func acquireTimeout() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 2, acquireTimeout: .milliseconds(100))
    let lent = [try await pool.lease(), try await pool.lease()]
    let errors = try await withThrowingTaskGroup(of: LibpqError?.self) { group in
      for _ in 0..<5 { group.addTask { try await postgresError { _ = try await pool.query("SELECT 1") } } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    for error in errors {
      #expect(error?.code == .acquireTimeout)
      #expect(error?.isRetrySafe == true)
      #expect(error?.message.contains("2 of 2 are lent") == true)
    }
    for pooled in lent { pool.release(pooled) }
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)
    let counts = pool.counts
    #expect(counts.waiting == 0)
    #expect(counts.waits == 5)
    #expect(counts.acquireTimeouts == 5)
    #expect(counts.waitTime >= .milliseconds(500))
    await pool.close()
  }

  @Test("A wait that is served in time is counted, and is no timeout")
  func served() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1, acquireTimeout: .seconds(600))
    let lent = try await pool.lease()
    let waiter = Task { try await pool.query("SELECT 1")[0].int8(0) }
    #expect(try await TestServer.eventually { pool.counts.waiting == 1 })
    pool.release(lent)
    #expect(try await waiter.value == 1)
    #expect(pool.counts.waits == 1)
    #expect(pool.counts.acquireTimeouts == 0)
    await pool.close()
  }

  @Test("An endless acquire timeout is no overflow")
  func endless() async throws {
    let pool = LibpqPool(
      try await TestServer.configuration(),
      maxConnections: 1,
      maxLifetime: .seconds(Int64.max),
      acquireTimeout: .seconds(Int64.max)
    )
    let lent = try await pool.lease()
    let waiter = Task { try await pool.query(.init("SELECT 1"), within: .seconds(Int64.max))[0].int8(0) }
    #expect(try await TestServer.eventually { pool.counts.waiting == 1 })
    pool.release(lent)
    #expect(try await waiter.value == 1)
    await pool.close()
  }
}

@Suite("Sessions that are not lent again")
struct DoubtfulSessionTests {
  @Test("After a refused write a pool opens its connections anew, idle and lent ones")
  func readOnly() async throws {
    let admin = try await TestServer.connect()
    let name = TestServer.uniqueName()
    _ = try await admin.query("CREATE DATABASE \(name)")
    _ = try await admin.query("ALTER DATABASE \(name) SET default_transaction_read_only = on")
    let base = try await TestServer.configuration().connectionString
    let pool = LibpqPool(
      LibpqConfiguration(base + (base.contains("?") ? "&" : "?") + "dbname=\(name)"),
      maxConnections: 3
    )
    let lent = [try await pool.lease(), try await pool.lease(), try await pool.lease()]
    pool.release(lent[0])
    pool.release(lent[1])
    #expect(pool.counts.idle == 2)
    let refused = try await postgresError { _ = try await pool.query("CREATE TABLE entry (id int8)") }
    #expect(refused?.sqlState == "25006")
    #expect(refused?.isRetrySafe == true)
    #expect(pool.counts.idle == 0)
    _ = try await admin.query("ALTER DATABASE \(name) RESET default_transaction_read_only")
    pool.release(lent[2])
    #expect(pool.counts.idle == 0)
    _ = try await pool.query("CREATE TABLE entry (id int8)")
    try await pool.withTransaction { transaction async throws in
      _ = try await transaction.pipeline([.init("INSERT INTO entry VALUES (1)"), .init("SELECT 1")])
    }
    await pool.close()
    _ = try await admin.query("DROP DATABASE \(name) WITH (FORCE)")
    await admin.close()
  }

  @Test("A refused write in a transaction, and in a pipeline, is noticed too")
  func readOnlyElsewhere() async throws {
    let base = try await TestServer.configuration().connectionString
    let readOnly = base + (base.contains("?") ? "&" : "?") + "options=-cdefault_transaction_read_only%3Don"
    let write = LibpqStatement("CREATE TABLE \(TestServer.uniqueName()) (id int8)")
    let calls: [(LibpqPool) async throws -> Void] = [
      { try await $0.withTransaction { _ = try await $0.query(write) } }, { _ = try await $0.pipeline([write]) },
      { try await $0.executeScript(write.sql) }, { _ = try await $0.query(write, within: .seconds(20)) },
    ]
    for call in calls {
      let pool = LibpqPool(LibpqConfiguration(readOnly), maxConnections: 1)
      let first = try await pool.withConnection { $0.backendProcessID }
      #expect(try await postgresError { try await call(pool) }?.sqlState == "25006")
      #expect(try await pool.withConnection { $0.backendProcessID } != first)
      await pool.close()
    }
  }

  @Test("In a transaction that was to be read only the refusal is the caller's mistake")
  func askedFor() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let first = try await pool.withConnection { $0.backendProcessID }
    let error = try await postgresError {
      try await pool.withTransaction(.init(isReadOnly: true)) { _ = try await $0.query("CREATE TABLE never (id int8)") }
    }
    #expect(error?.sqlState == "25006")
    #expect(try await pool.withConnection { $0.backendProcessID } == first)
    await pool.close()
  }

  @Test("A session that an administrator ends takes the idle ones with it")
  func terminated() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 2)
    let lent = [try await pool.lease(), try await pool.lease()]
    pool.release(lent[0])
    let killer = try await TestServer.connect()
    let process = lent[1].connection.backendProcessID
    async let error = postgresError { _ = try await lent[1].connection.query("SELECT pg_sleep(600)") }
    #expect(try await TestServer.awaitWaitEvent("PgSleep", of: process))
    _ = try await killer.query("SELECT pg_terminate_backend($1)", [.int4(process)])
    #expect(try await error?.sqlState == "57P01")
    pool.release(lent[1])
    #expect(pool.counts.idle == 0)
    await killer.close()
    await pool.close()
  }
}
