/// Drains beside many workers that have nothing to do.
struct IdleWorkersScenario: FlatScenario {
  private static let processes = 4

  let workers: Int
  let tasks: Int
  let rounds: Int
  let time: Duration

  var name: String { "idle" }

  func run(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> FlatOutcome {
    progress.update("idle: counting the statements of \(workers) workers")
    let settings = idleSettings(database)
    let statements = try await IdleScenario.statementsPerSecond(of: Self.processes, settings, for: time, database)
    var outcome = FlatOutcome(readings: [Reading(MetricCatalog.flatIdleStatements, statements)])
    for round in 1...rounds {
      progress.update("idle: drain without, round \(round)/\(rounds)")
      let without = try await drain(database)
      progress.update("idle: drain with, round \(round)/\(rounds)")
      let idle = try await WorkerProcess.start(Self.processes, settings)
      for process in idle { try process.go() }
      let with = try await drain(database)
      for process in idle { try await process.stop() }
      outcome.readings.append(Reading(MetricCatalog.flatIdle, with.rate, beside: without.rate))
    }
    return outcome
  }

  /// They serve a queue of their own, so that they are really idle.
  private func idleSettings(_ database: BenchmarkDatabase) -> WorkerSettings {
    var settings = database.workerSettings([.noOp])
    settings.queues = ["idle"]
    settings.workers = max(1, workers / Self.processes)
    return settings
  }

  private func drain(_ database: BenchmarkDatabase) async throws -> DrainMeasurement {
    try await .workers(1, database.workerSettings([.noOp]), tasks: tasks, database) {
      try await database.fill(tasks)
    }
  }
}
