/// What a worker process with 100 types and 10 queues asks while there is nothing to do.
struct IdleScenario: Scenario {
  let time: Duration
  let maxRounds: Int

  var name: String { "idle" }

  func rounds(of requested: Int) -> Int { min(requested, maxRounds) }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    try await database.empty()
    var settings = database.workerSettings([])
    settings.idleTypes = 100
    settings.queues = (1...10).map { "idle-\($0)" }
    let rate = try await Self.statementsPerSecond(of: 1, settings, for: time, database)
    return [Reading(MetricCatalog.idleStatements, rate)]
  }

  /// Starts processes, lets them settle, and counts.
  static func statementsPerSecond(
    of processes: Int,
    _ settings: WorkerSettings,
    for time: Duration,
    _ database: BenchmarkDatabase
  ) async throws -> Double {
    try await database.trackStatements(true)
    let workers = try await WorkerProcess.start(processes, settings)
    for worker in workers { try worker.go() }
    try await Task.sleep(for: .seconds(3))
    let before = try await database.statementCounts()
    let watch = Stopwatch()
    try await Task.sleep(for: time)
    let after = try await database.statementCounts()
    let rate = watch.rate(Int(after.statements - before.statements))
    for worker in workers { try await worker.stop() }
    try await database.trackStatements(false)
    return rate
  }
}
