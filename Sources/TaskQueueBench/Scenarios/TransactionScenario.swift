import TaskQueue

/// Handlers that complete their task together with one business row, on 16 connections, beside raw loops of as many round trips.
struct TransactionScenario: Scenario {
  static let connections = 16

  /// Batches are so much faster that they need more tasks for a rate that says something.
  private static let batchFactor = 10

  let tasks: Int

  var name: String { "transaction" }

  private var total: Int { max(tasks / Self.connections, 1) * Self.connections }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = try await raw(database, in: .two)
    let ours = try await workers(.transactional, tasks: total, database)
    let batches = try await workers(.transactionalBatch, tasks: total * Self.batchFactor, database)
    let rawPipelined = try await self.raw(database, in: .one)
    let pipelined = try await workers(.transactionalPipelined, tasks: total, database)
    return [
      Reading(MetricCatalog.transaction, ours, beside: raw),
      Reading(MetricCatalog.transactionPipelined, pipelined, beside: rawPipelined),
      Reading(MetricCatalog.batchHandler, batches, beside: ours),
    ]
  }

  private func raw(_ database: BenchmarkDatabase, in roundTrips: RawTransactions.RoundTrips) async throws -> Double {
    try await database.fill(total, type: Transactional.taskType)
    let loop = RawTransactions(
      connectionString: database.connectionString,
      statements: database.statements,
      type: Transactional.taskType.rawValue
    )
    let gate = StartGate(Self.connections)
    let counts = try await onThreads(Self.connections) { _ in
      try loop.run(total / Self.connections, in: roundTrips) { gate.wait() }
    }
    let seconds = gate.secondsSinceStart
    try await check(database, counts.reduce(0, +), of: total)
    return Double(total) / seconds
  }

  private func workers(
    _ handler: WorkerSettings.Handler,
    tasks total: Int,
    _ database: BenchmarkDatabase
  ) async throws -> Double {
    var settings = database.workerSettings([handler])
    settings.connections = Self.connections
    // One slot for each task of a batch.
    if handler == .transactionalBatch { settings.concurrency = 2_000 }
    let measurement = try await DrainMeasurement.workers(1, settings, tasks: total, database) {
      try await database.fill(total, type: Transactional.taskType)
    }
    try await check(database, total, of: total)
    return measurement.rate
  }

  private func check(_ database: BenchmarkDatabase, _ completed: Int, of total: Int) async throws {
    let effects = try await database.effects()
    guard completed == total, effects == total else {
      throw BenchmarkError("\(total) tasks, \(completed) completed, \(effects) business rows.")
    }
  }
}
