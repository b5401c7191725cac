import ChildProcesses
import Foundation
import Libpq
import Outbox
import TaskQueueTestKit
import Testing

@Suite("Events and killed workers", .database, .serialized)
struct OutboxKillTests {
  /// A worker in a process of its own, which delivers to `public.receipt`.
  private static func start() throws -> ChildProcess {
    let database = try #require(TestDatabase.current)
    var command = ChildCommand(ChildCommand.built("CrashTestWorker"), ["outbox", database.connectionString])
    command.output = .shared
    return try ChildProcess(command)
  }

  private static func kill(_ process: ChildProcess) {
    process.send(SIGKILL)
    process.blockUntilExit()
  }

  private static func createReceipts(_ shop: Shop) async throws {
    try await shop.pool.executeScript(
      """
      CREATE TABLE public.receipt (
        place bigint GENERATED ALWAYS AS IDENTITY, event_id text NOT NULL, aggregate_id text NOT NULL, sequence bigint NOT NULL)
      """
    )
  }

  private static func copies(_ event: OutboxEvent, _ shop: Shop) async throws -> Int64 {
    let sql = "SELECT count(*) FROM public.receipt WHERE event_id = $1"
    return try await shop.pool.query(sql, [.text(event.id)])[0].int8(0)
  }

  /// All first arrivals of an aggregate are there, in order.
  private static func expectAll(_ aggregate: String, _ count: Int, _ shop: Shop) async throws {
    let result = try await shop.pool.query(
      "SELECT sequence FROM public.receipt WHERE aggregate_id = $1 GROUP BY event_id, sequence ORDER BY min(place)",
      [.text(aggregate)]
    )
    #expect(try result.rows.map { try $0.int8(0) } == (1...count).map(Int64.init), "aggregate \(aggregate)")
  }

  @Test(
    "After a worker's death between delivery and mark the event arrives again, under its id, and then the next ones"
  )
  func beforeMark() async throws {
    try await Shop.with { shop in
      try await Self.createReceipts(shop)
      try await shop.pool.withTransaction { transaction in
        for type in ["fine", "stalls", "after"] { try await shop.append("7", type, in: transaction) }
      }
      let second = try await shop.waiting("7")[1]
      let first = try Self.start()
      try await eventually("the second event has arrived") { try await Self.copies(second, shop) == 1 }
      Self.kill(first)
      #expect(try await shop.waiting("7").contains(second), "nobody has marked it")
      let next = try Self.start()
      try await shop.allPublished()
      Self.kill(next)
      try await Self.expectAll("7", 3, shop)
      #expect(try await Self.copies(second, shop) == 2)
    }
  }

  @Test("Whenever workers are killed, every event arrives, in order per aggregate")
  func anywhere() async throws {
    try await Shop.with { shop in
      try await Self.createReceipts(shop)
      var process = try Self.start()
      for round in 1...6 {
        for aggregate in 1...20 {
          try await shop.append("\(aggregate)")
          try await shop.append("\(aggregate)")
        }
        let target = Int64(round * 20)
        try await eventually("work goes on") {
          try await shop.pool.query("SELECT count(*) FROM public.receipt")[0].int8(0) >= target
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...30)))
        Self.kill(process)
        process = try Self.start()
      }
      try await shop.allPublished()
      Self.kill(process)
      for aggregate in 1...20 { try await Self.expectAll("\(aggregate)", 12, shop) }
    }
  }
}
