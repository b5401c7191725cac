import Foundation
import Synchronization
import Testing

@testable import Libpq

@Suite("Pool")
struct PoolTests {
  @Test("No more connections than allowed are open, and all callers are served")
  func bound() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 3)
    let processes = try await withThrowingTaskGroup(of: Int64.self) { group in
      for _ in 0..<100 {
        group.addTask { try await pool.query("SELECT pg_backend_pid(), pg_sleep(0.001)")[0].int8(0) }
      }
      return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
    }
    #expect((1...3).contains(processes.count))
    await pool.close()
  }

  @Test("A waiting caller that is cancelled leaves the queue, and the pool goes on")
  func waiterCancellation() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    try await pool.withConnection { _ async throws in
      let waiter = Task { try await pool.query("SELECT 1") }
      #expect(try await TestServer.eventually { pool.counts.waiting == 1 })
      waiter.cancel()
      #expect(try await postgresError { _ = try await waiter.value }?.code == .cancelled)
      #expect(pool.counts.waiting == 0)
    }
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)
    await pool.close()
  }

  @Test("A connection past its lifetime, broken or left in a transaction is not lent again")
  func health() async throws {
    let configuration = try await TestServer.configuration()
    let brief = LibpqPool(configuration, maxConnections: 1, maxLifetime: .zero)
    let first = try await brief.withConnection { $0.backendProcessID }
    #expect(try await brief.withConnection { $0.backendProcessID } != first)
    await brief.close()

    let pool = LibpqPool(configuration, maxConnections: 1)
    let second = try await pool.withConnection { $0.backendProcessID }
    #expect(try await pool.withConnection { $0.backendProcessID } == second)
    _ = try await pool.executeScript("BEGIN")
    let third = try await pool.withConnection { $0.backendProcessID }
    #expect(third != second)
    let killer = try await TestServer.connect()
    _ = try await killer.query("SELECT pg_terminate_backend($1)", [.int4(third)])
    // The idle connection's end is noticed before it is lent, so no caller sees an error.
    let isGone = try await TestServer.eventually {
      try await killer.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [.int4(third)]).rowCount == 0
    }
    #expect(isGone)
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)
    await killer.close()
    await pool.close()
  }

  @Test("After a failed connect the next caller tries again")
  func failedConnect() async throws {
    let pool = LibpqPool(LibpqConfiguration("host=127.0.0.1 port=1"), maxConnections: 1)
    for _ in 0..<2 {
      #expect(try await postgresError { _ = try await pool.query("SELECT 1") }?.code == .connectFailed)
    }
    let codes = await withTaskGroup(of: LibpqError.Code?.self) { group in
      for _ in 0..<10 {
        group.addTask { (try? await postgresError { _ = try await pool.query("SELECT 1") })??.code }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(codes == Array(repeating: .connectFailed, count: 10))
    #expect(pool.counts.lent == 0)
  }

  @Test("A closed pool refuses callers, also those that wait, and closes lent connections on return")
  func close() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let lent = try await pool.withConnection { connection async throws in
      let waiter = Task { try await pool.query("SELECT 1") }
      #expect(try await TestServer.eventually { pool.counts.waiting == 1 })
      await pool.close()
      #expect(try await postgresError { _ = try await waiter.value }?.code == .poolClosed)
      #expect(try await connection.query("SELECT 1")[0].int8(0) == 1)
      return connection.backendProcessID
    }
    #expect(try await postgresError { _ = try await pool.query("SELECT 1") }?.code == .poolClosed)
    let observer = try await TestServer.connect()
    let isGone = try await TestServer.eventually {
      try await observer.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1", [.int4(lent)]).rowCount == 0
    }
    #expect(isGone)
    await observer.close()
  }

  @Test("A pool's transactions run side by side")
  func transactions() async throws {
    let table = TestServer.uniqueName()
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 4)
    _ = try await pool.executeScript("CREATE TABLE \(table) (id int8)")
    try await withThrowingTaskGroup { group in
      for number in 0..<40 {
        group.addTask {
          try await pool.withTransaction { transaction async throws in
            _ = try await transaction.query("INSERT INTO \(table) VALUES ($1)", [.int8(Int64(number))])
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(try await pool.query("SELECT count(*) FROM \(table)")[0].int8(0) == 40)
    _ = try await pool.executeScript("DROP TABLE \(table)")
    await pool.close()
  }
}
