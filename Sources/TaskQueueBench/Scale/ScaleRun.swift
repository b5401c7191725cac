import ChildProcesses
import TaskQueue

/// Drains with more and more worker processes, straight and through PgBouncer, and wakes idle ones.
struct ScaleRun: Sendable {
  /// Tasks per second for the wake-ups.
  private static let wakeInterval: Duration = .milliseconds(50)
  private static let counts = [1, 2, 4]

  let database: BenchmarkDatabase
  let tasks: Int
  let rounds: Int
  let wakeUps: Int
  let bouncer: PgBouncer?
  /// Whether the workers behind PgBouncer listen, on a direct connection.
  let listensDirectly: Bool

  /// Steps for a progress line.
  static func steps(rounds: Int, hasBouncer: Bool) -> Int { rounds * counts.count * (hasBouncer ? 2 : 1) + 1 }

  func run(_ progress: ProgressLine) async throws -> [Reading] {
    var readings: [Reading] = []
    for round in 1...rounds {
      var alone: Double?
      for (index, count) in Self.counts.enumerated() {
        progress.step("drain with \(count) of 4 processes, round \(round)/\(rounds)")
        let rate = try await drain(count, settings)
        readings.append(Reading(Self.direct[index], rate, beside: alone))
        if count == 1 { alone = rate }
      }
      guard let bouncer else { continue }
      for (index, count) in Self.counts.enumerated() {
        progress.step("drain through PgBouncer with \(count) of 4 processes, round \(round)/\(rounds)")
        readings.append(Reading(Self.pooled[index], try await drain(count, pooledSettings(bouncer)), beside: alone))
      }
    }
    progress.step("waking idle processes")
    if let reading = try await herd() { readings.append(reading) }
    return readings
  }

  private static let direct = [MetricCatalog.scaleOne, MetricCatalog.scaleTwo, MetricCatalog.scaleFour]

  private static let pooled = [
    MetricCatalog.scalePooledOne, MetricCatalog.scalePooledTwo, MetricCatalog.scalePooledFour,
  ]

  private var settings: WorkerSettings { database.workerSettings([.noOp]) }

  private func pooledSettings(_ bouncer: PgBouncer) -> WorkerSettings {
    var settings = settings
    settings.connectionString = bouncer.connectionString
    settings.preparesStatements = false
    settings.listens = listensDirectly
    if listensDirectly { settings.listenConnectionString = database.connectionString }
    return settings
  }

  private func drain(_ processes: Int, _ settings: WorkerSettings) async throws -> Double {
    try await DrainMeasurement.workers(processes, settings, tasks: tasks, database) {
      try await database.fill(tasks)
    }.rate
  }

  /// nil where claims can't be counted.
  private func herd() async throws -> Reading? {
    guard database.countsStatements else { return nil }
    let one = try await claimsPerTask(1)
    return Reading(MetricCatalog.herdClaims, try await claimsPerTask(4), beside: one)
  }

  /// Claims of processes that are idle but for a task now and then.
  private func claimsPerTask(_ count: Int) async throws -> Double {
    try await database.empty()
    try await database.trackStatements(true)
    let processes = try await WorkerProcess.start(count, database.workerSettings([.probe]))
    for process in processes { try process.go() }
    try await Task.sleep(for: .seconds(2))
    let waker = RawWaker(
      connectionString: database.connectionString,
      statements: database.statements,
      work: .tasks(Probe.taskType)
    )
    let before = try await database.statementCounts()
    _ = try await onOwnThread { try waker.run(wakeUps, interval: Self.wakeInterval) }
    try await DrainMeasurement.awaitDrain(processes, wakeUps, database)
    let after = try await database.statementCounts()
    for process in processes { try await process.stop() }
    try await database.trackStatements(false)
    return Double((after.claims ?? 0) - (before.claims ?? 0)) / Double(wakeUps)
  }
}
