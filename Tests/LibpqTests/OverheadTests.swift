import CLibpq
import Foundation
import Libpq
import Testing

@Suite("Overhead")
struct OverheadTests {
  @Test("A query's cost beside a blocking libpq loop is printed")
  func overhead() async throws {
    let configuration = try await TestServer.configuration()
    let connection = try await LibpqConnection.connect(configuration)
    let raw = PQconnectdb(configuration.connectionString)
    defer { PQfinish(raw) }
    try #require(PQstatus(raw) == CONNECTION_OK)
    let count = 2000
    var blocking: [Double] = []
    var asynchronous: [Double] = []
    for _ in 0..<3 {
      var start = ContinuousClock.now
      for _ in 0..<count { PQclear(PQexecParams(raw, "SELECT 1", 0, nil, nil, nil, nil, 1)) }
      blocking.append((ContinuousClock.now - start) / .microseconds(count))
      start = .now
      for _ in 0..<count { _ = try await connection.query("SELECT 1") }
      asynchronous.append((ContinuousClock.now - start) / .microseconds(count))
    }
    let (fast, slow) = (blocking.min() ?? 0, asynchronous.min() ?? 0)
    let line = String(format: "SELECT 1: blocking libpq %.1f µs, Libpq %.1f µs (× %.2f)", fast, slow, slow / fast)
    print(line)
    #expect(fast > 0)
    await connection.close()
  }
}
