import EmbeddedPostgres
import Foundation
import Synchronization
import Testing

@testable import Libpq

@Suite("Calls with a limit")
struct DeadlineTests {
  /// Far more than any limit of these tests, far less than what hangs without one.
  static let bound = Duration.seconds(30)

  @Test("A frozen server costs the limit, the connection and all other idle ones")
  func frozenServer() async throws {
    try await withServer { server in
      let pool = LibpqPool(LibpqConfiguration(server.connectionString), maxConnections: 3)
      try await open(3, of: pool)
      server.pause()
      let start = ContinuousClock.now
      let single = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(400)) }
      #expect(single?.code == .timeout)
      #expect(single?.isOutcomeUnknown == true)
      #expect(pool.counts.idle == 0)
      let opening = try await postgresError {
        _ = try await pool.pipeline([.init("SELECT 1")], within: .milliseconds(400))
      }
      #expect(opening?.code == .timeout)
      #expect(opening?.isRetrySafe == true)
      #expect(ContinuousClock.now - start < Self.bound)
      server.resume()
      #expect(try await pool.query(.init("SELECT 1"), within: Self.bound)[0].int8(0) == 1)
      await pool.close()
    }
  }

  @Test("A frozen server process costs the limit, and the next call gets another one")
  func frozenBackend() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let process = try await pool.withConnection { $0.backendProcessID }
    kill(process, SIGSTOP)
    defer { kill(process, SIGCONT) }
    let start = ContinuousClock.now
    let error = try await postgresError {
      _ = try await pool.pipeline([.init("SELECT 1"), .init("SELECT 2")], within: .milliseconds(400))
    }
    #expect(error?.code == .timeout)
    #expect(try await pool.query(.init("SELECT 1"), within: Self.bound)[0].int8(0) == 1)
    #expect(ContinuousClock.now - start < Self.bound)
    await pool.close()
  }

  @Test("A statement that is too slow is cancelled, and the connection stays")
  func slowStatement() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let process = try await pool.withConnection { $0.backendProcessID }
    let error = try await postgresError {
      _ = try await pool.query(LibpqStatement("SELECT pg_sleep(600)", name: "nap"), within: .seconds(2))
    }
    #expect(error?.code == .timeout)
    #expect(error?.isOutcomeUnknown == false)
    #expect(try await pool.withConnection { $0.backendProcessID } == process)
    await pool.close()
  }

  @Test("A cancel request that hangs too costs no more than the limit")
  func deafPostmaster() async throws {
    try await withServer { server in
      let pool = LibpqPool(LibpqConfiguration(server.connectionString), maxConnections: 1)
      _ = try await pool.query("SELECT 1")
      let postmaster = try #require(server.postmasterID)
      kill(postmaster, SIGSTOP)
      defer { kill(postmaster, SIGCONT) }
      let start = ContinuousClock.now
      let error = try await postgresError {
        _ = try await pool.query(.init("SELECT pg_sleep(600)"), within: .seconds(1))
      }
      #expect(error?.code == .timeout)
      #expect(ContinuousClock.now - start < Self.bound)
      await pool.close()
    }
  }

  @Test("Waiting for a connection counts")
  func fullPool() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1, acquireTimeout: .seconds(600))
    try await pool.withConnection { _ async throws in
      let error = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(200)) }
      #expect(error?.code == .timeout)
      #expect(error?.isRetrySafe == true)
    }
    await pool.close()
  }

  @Test("Opening a connection counts: to a listener that says nothing, and to one that takes no more connections")
  func deafListeners() async throws {
    let silent = try BlackHole()
    let full = try BlackHole(isFull: true)
    for port in [silent.port, full.port] {
      var configuration = LibpqConfiguration("host=127.0.0.1 port=\(port) user=nobody")
      configuration.connectTimeout = .seconds(600)
      let pool = LibpqPool(configuration)
      let start = ContinuousClock.now
      let error = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(300)) }
      #expect(error?.code == .timeout)
      #expect(ContinuousClock.now - start < Self.bound)
      #expect(pool.counts.lent == 0)
    }
  }

  @Test("A limit of nothing sends nothing")
  func noTime() async throws {
    let pool = LibpqPool(try await TestServer.configuration())
    _ = try await pool.query("SELECT 1")
    let error = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: .zero) }
    #expect(error?.code == .timeout)
    #expect(error?.isRetrySafe == true)
    await pool.close()
  }

  @Test("Limits hold while every cooperative thread is blocked")
  func blockedCooperativePool() async throws {
    try await withServer { server in
      let pool = LibpqPool(LibpqConfiguration(server.connectionString), maxConnections: 1)
      let executor = ConnectionThread(try WakeUp())
      try executor.start()
      defer { executor.stop() }
      let cores = ProcessInfo.processInfo.activeProcessorCount
      let block = ThreadBlock()
      let codes = try await withThrowingTaskGroup(of: [LibpqError.Code?].self) { group in
        for _ in 0..<cores * 2 {
          group.addTask {
            block.hold()
            return []
          }
        }
        group.addTask(executorPreference: executor) {
          defer { block.end() }
          while block.count < cores { usleep(1_000) }
          let working = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: Self.bound) }
          let lent = try await pool.lease()
          let waiting = try await postgresError {
            _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(200))
          }
          pool.release(lent)
          server.pause()
          let silent = try await postgresError {
            _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(300))
          }
          let opening = try await postgresError {
            _ = try await pool.query(.init("SELECT 1"), within: .milliseconds(300))
          }
          server.resume()
          return [working?.code, waiting?.code, silent?.code, opening?.code]
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(codes == [nil, .timeout, .timeout, .timeout])
      await pool.close()
    }
  }

  /// Opens that many connections of the pool, and returns them.
  private func open(_ count: Int, of pool: LibpqPool) async throws {
    var lent: [LibpqPool.PooledConnection] = []
    for _ in 0..<count { lent.append(try await pool.lease()) }
    for pooled in lent { pool.release(pooled) }
    #expect(pool.counts.idle == count)
  }
}

/// Runs `body` with a server of its own, for tests that stop it.
func withServer(
  _ settings: [String: String] = [:],
  _ body: (EmbeddedPostgres) async throws -> Void
) async throws {
  let server = try await EmbeddedPostgres.start(settings: settings.merging(["fsync": "off"]) { own, _ in own })
  do { try await body(server) } catch {
    await server.stop()
    throw error
  }
  await server.stop()
}

/// Blocks threads until it is ended.
final class ThreadBlock: Sendable {
  private let held = Atomic<Int>(0)
  private let isOver = Atomic<Bool>(false)

  /// How many threads were ever held.
  var count: Int { held.load(ordering: .relaxed) }

  func hold() {
    held.add(1, ordering: .relaxed)
    while !isOver.load(ordering: .acquiring) { usleep(1_000) }
  }

  func end() { isOver.store(true, ordering: .releasing) }
}
