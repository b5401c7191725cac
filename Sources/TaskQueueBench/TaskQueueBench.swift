import ArgumentParser
import EmbeddedPostgres
import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Measures how fast a worker with default settings drains no-op tasks, beside a loop of the same SQL without any engine.
@main
struct TaskQueueBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "taskqueue-bench",
    abstract: "Drains no-op tasks in one process, and prints the ratio to raw SQL of the same shape in the same run."
  )

  @Option(help: "Tasks per round.")
  var tasks = 100_000

  @Option(help: "Rounds; raw and engine take turns.")
  var rounds = 5

  @Option(help: "A database that may be written to; its schema taskqueue_bench is dropped. Default: a private cluster.")
  var databaseURL: String?

  func validate() throws {
    guard tasks > 0, rounds > 0 else { throw ValidationError("--tasks and --rounds must be above zero.") }
  }

  func run() async throws {
    if let databaseURL { return try await measure(PostgresConfiguration(databaseURL)) }
    let cluster = try await EmbeddedPostgres.start(settings: ["shared_buffers": "1GB", "max_wal_size": "8GB"])
    do { try await measure(PostgresConfiguration(cluster.connectionString)) } catch {
      await cluster.stop()
      throw error
    }
    await cluster.stop()
  }

  private func measure(_ database: PostgresConfiguration) async throws {
    let drain = try DrainBenchmark(database: database, taskCount: tasks)
    try await drain.prepare()
    var samples = DrainSamples()
    for round in 1...rounds {
      let raw = try await drain.raw(connections: 1)
      let rawTwo = try await drain.raw(connections: 2)
      let engine = try await drain.engine()
      samples.raw.append(raw)
      samples.rawTwo.append(rawTwo)
      samples.engine.append(engine)
      print(
        "round \(round)/\(rounds): raw \(Int(raw))/s, raw on 2 connections \(Int(rawTwo))/s, engine \(Int(engine))/s"
      )
    }
    print(samples.table(taskCount: tasks))
    try await drain.cleanUp()
  }
}

/// Tasks per second, one value per round.
struct DrainSamples {
  var raw: [Double] = []
  var rawTwo: [Double] = []
  var engine: [Double] = []

  func table(taskCount: Int) -> String {
    let limit = Self.median(raw)
    let limitTwo = Self.median(rawTwo)
    let speed = Self.median(engine)
    return """

      Drain of \(taskCount) no-op tasks, one process, default settings (median of \(engine.count))
        raw SQL, batch 1,000, 1 connection    \(Int(limit)) tasks/s
        raw SQL, batch 1,000, 2 connections   \(Int(limitTwo)) tasks/s
        engine                                \(Int(speed)) tasks/s
        ratio to 1 connection                 \(Self.ratio(speed / limit))
        ratio to 2 connections                \(Self.ratio(speed / limitTwo))
      """
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
  private static func ratio(_ value: Double) -> String { String(format: "%.2f", value) }
}
