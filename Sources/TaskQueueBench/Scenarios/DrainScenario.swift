import TaskQueue

/// Worker processes with default settings empty a full table, beside a loop of the same SQL functions.
struct DrainScenario: Scenario {
  /// Tasks per raw claim.
  static let rawBatch = 1_000

  let tasks: Int

  var name: String { "drain" }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let rawTwo = try await raw(database, connections: 2, .necessary)
    let one = try await workers(database, 1)
    let rawOne = try await raw(database, connections: 1, .necessary)
    let two = try await workers(database, 2)
    let rawAll = try await raw(database, connections: 2, .all)
    var readings = [
      Reading(MetricCatalog.drainOne, one.rate, beside: rawTwo.rate),
      Reading(MetricCatalog.drainOneSingle, one.rate, beside: rawOne.rate),
      Reading(MetricCatalog.drainOneColumns, one.rate, beside: rawAll.rate),
      Reading(MetricCatalog.drainTwo, two.rate, beside: rawTwo.rate),
      Reading(MetricCatalog.cpuClient, one.clientMicroseconds, beside: rawTwo.clientMicroseconds),
    ]
    if let cpu = one.serverMicroseconds, let rawCPU = rawTwo.serverMicroseconds {
      readings.append(Reading(MetricCatalog.cpuServer, cpu, beside: rawCPU))
    }
    readings.append(Reading(MetricCatalog.walDrain, one.walPerTask, beside: rawTwo.walPerTask))
    if let peak = one.peakMegabytes { readings.append(Reading(MetricCatalog.peakMemory, peak)) }
    return readings
  }

  private func workers(_ database: BenchmarkDatabase, _ count: Int) async throws -> DrainMeasurement {
    try await .workers(count, database.workerSettings([.noOp]), tasks: tasks, database) {
      try await database.fill(tasks)
    }
  }

  private func raw(
    _ database: BenchmarkDatabase,
    connections: Int,
    _ columns: RawStatements.ClaimColumns
  ) async throws -> DrainMeasurement {
    let loop = RawDrain(
      connectionString: database.connectionString,
      statements: database.statements,
      type: NoOp.taskType.rawValue,
      batch: Self.rawBatch,
      columns: columns
    )
    return try await .raw(
      tasks: tasks,
      database,
      prepare: { try await database.fill(tasks) },
      work: { try await onThreads(connections) { _ in try loop.run() }.reduce(0, +) }
    )
  }
}
