import EmbeddedPostgres
import Foundation
import SeededRandom
import Testing

@testable import Libpq

@Suite("Whose turn a connection is")
struct TurnTests {
  @Test("Statements of many tasks on one connection each get their own answer, whoever sends them, cancelled or not")
  func ownAnswers() async throws {
    let connection = try await LibpqConnection.connect(try await TestServer.configuration())
    let answered = try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<16 {
        group.addTask {
          var random = SeededGenerator(seed: UInt64(task))
          var answered = 0
          for index in 0..<100 {
            let number = Int64(task * 1_000 + index)
            // Big enough at times to be more than a socket takes at once.
            let text = String(repeating: "x", count: index % 20 == 0 ? 3_000_000 : 10)
            let statement = LibpqStatement(
              "SELECT $1::int8, length($2)",
              [.int8(number), .text(text)],
              name: index % 3 == 0 ? "own" : nil
            )
            let asked = Task {
              if index % 2 == 0 { return try await connection.query(statement) }
              return try await connection.pipeline([.init("SELECT 1"), statement])[1]
            }
            if Int.random(in: 0..<4, using: &random) == 0 { asked.cancel() }
            do {
              let row = try await asked.value[0]
              #expect(try row.int8(0) == number && row.int4(1) == Int32(text.count))
              answered += 1
            } catch let error as LibpqError {
              #expect(error.code == .cancelled)
            }
          }
          return answered
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(answered > 800 && connection.isUsable)
    await connection.close()
  }

  @Test("An answer that does not come ends at its limit, also where the thread only watches for it")
  func silence() async throws {
    let pool = LibpqPool(try await TestServer.configuration(), maxConnections: 1)
    let process = try await pool.withConnection { $0.backendProcessID }
    kill(process, SIGSTOP)
    defer { kill(process, SIGCONT) }
    let error = try await postgresError { _ = try await pool.query(.init("SELECT 1"), within: .seconds(4)) }
    #expect(error?.code == .timeout)
    #expect(try await pool.query("SELECT 1")[0].int8(0) == 1)
    await pool.close()
  }

  @Test("A session that ends while nobody uses it costs the idle thread nothing, and shows at the next statement")
  func idleEnd() async throws {
    let connection = try await TestServer.connect()
    let other = try await TestServer.connect()
    _ = try await connection.query("SELECT 1")
    _ = try await other.query("SELECT pg_terminate_backend($1)", [.int4(connection.backendProcessID)])
    let before = cpuTime()
    try await Task.sleep(for: .seconds(2))
    #expect(cpuTime() - before < 1)
    let error = try await postgresError { _ = try await connection.query("SELECT 1") }
    #expect(error?.code == .connectionLost && error?.isOutcomeUnknown == false)
    await other.close()
  }

  /// Of this process, in seconds.
  private func cpuTime() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}
