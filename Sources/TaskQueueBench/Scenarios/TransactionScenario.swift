import TaskQueue

/// Handlers that complete their task together with one business row, on 16 connections, beside pgbench's transaction.
struct TransactionScenario: Scenario {
  static let connections = 16

  let tasks: Int

  var name: String { "transaction" }

  private var total: Int { max(tasks / Self.connections, 1) * Self.connections }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = try await raw(database, isPipelined: false)
    let ours = try await workers(database)
    let pipelined = try await self.raw(database, isPipelined: true)
    return [
      Reading(MetricCatalog.transaction, ours, beside: raw),
      Reading(MetricCatalog.transactionPipelined, ours, beside: pipelined),
    ]
  }

  private func raw(_ database: BenchmarkDatabase, isPipelined: Bool) async throws -> Double {
    try await database.fill(total, type: Transactional.taskType)
    let loop = RawTransactions(
      connectionString: database.connectionString,
      statements: database.statements,
      type: Transactional.taskType.rawValue
    )
    let gate = StartGate(Self.connections)
    let counts = try await onThreads(Self.connections) { _ in
      try loop.run(claiming: total / Self.connections, isPipelined: isPipelined) { gate.wait() }
    }
    let seconds = gate.secondsSinceStart
    try await check(database, counts.reduce(0, +))
    return Double(total) / seconds
  }

  private func workers(_ database: BenchmarkDatabase) async throws -> Double {
    var settings = database.workerSettings([.transactional])
    settings.connections = Self.connections
    let measurement = try await DrainMeasurement.workers(1, settings, tasks: total, database) {
      try await database.fill(total, type: Transactional.taskType)
    }
    try await check(database, total)
    return measurement.rate
  }

  private func check(_ database: BenchmarkDatabase, _ completed: Int) async throws {
    let effects = try await database.effects()
    guard completed == total, effects == total else {
      throw BenchmarkError("\(total) tasks, \(completed) completed, \(effects) business rows.")
    }
  }
}
