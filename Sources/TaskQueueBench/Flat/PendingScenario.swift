import TaskQueue
import TaskQueuePostgres

/// Drains millions of tasks, beside drains of a small table before and after.
struct PendingScenario: FlatScenario {
  let pending: Int
  let tasks: Int
  /// Drains of the small table, before as well as after.
  let rounds: Int

  var name: String { "pending" }

  func run(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> FlatOutcome {
    let before = try await drainSmall(database, progress)
    let process = try await WorkerProcess.start(settings(database))
    try await fill(database, progress)
    let (throughput, newcomers) = try await database.withStore { store in
      try await drain(process, ProbeLatencies(store, queue: .default, [process]), database, progress)
    }
    try await process.stop()
    let after = try await drainSmall(database, progress)
    var outcome = FlatOutcome(series: [throughput])
    // The last second is not a whole one.
    let end = throughput.points.dropLast().last?.seconds ?? .infinity
    if let rate = throughput.median(from: 0, to: end) {
      let reference = Samples(before + after).median
      outcome.readings.append(Reading(MetricCatalog.flatPending, rate, beside: reference))
    }
    if let worst = newcomers.maximum {
      outcome.readings.append(Reading(MetricCatalog.flatPendingNewcomer, worst))
    }
    return outcome
  }

  private func settings(_ database: BenchmarkDatabase) -> WorkerSettings { database.workerSettings([.noOp, .probe]) }

  private func drainSmall(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> [Double] {
    var rates: [Double] = []
    for round in 1...rounds {
      progress.update("pending: drain of a small table, round \(round)/\(rounds)")
      let drain = try await DrainMeasurement.workers(1, settings(database), tasks: tasks, database) {
        try await database.fill(tasks)
      }
      rates.append(drain.rate)
    }
    return rates
  }

  private func fill(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws {
    try await database.empty()
    try await database.add(pending) { count in
      progress.update("pending: filled \(NumberText.short(Double(count))) of \(NumberText.short(Double(pending)))")
    }
    progress.update("pending: VACUUM ANALYZE")
    try await database.vacuum()
  }

  private func drain(
    _ process: WorkerProcess,
    _ probes: ProbeLatencies,
    _ database: BenchmarkDatabase,
    _ progress: ProgressLine
  ) async throws -> (throughput: TimeSeries, newcomers: Samples) {
    var throughput = TimeSeries("flat-pending", "Drain with many pending", .tasksPerSecond)
    let recorder = ThroughputRecorder(processes: [process])
    try process.go()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await probes.sendNewcomers(every: .seconds(2)) { recorder.handled >= pending } }
      var stall = StallWatch()
      try await recorder.record(
        into: &throughput,
        while: { recorder.handled < pending },
        each: { _, rate in
          try stall.check(recorder.handled, of: pending)
          let left = NumberText.short(Double(max(0, pending - recorder.handled)))
          progress.update("pending: \(NumberText.short(rate)) tasks/s, \(left) left")
        }
      )
      try await group.waitForAll()
    }
    try await DrainMeasurement.awaitDrain([process], pending + probes.sent, database)
    return (throughput, probes.newcomers)
  }
}
