import TaskQueue
import TaskQueuePostgres

/// Producers and workers go on while another session holds an old snapshot: mixed priorities, several queues.
struct SnapshotScenario: FlatScenario {
  private static let queues = ["flat-1", "flat-2", "flat-3"]
  private static let processes = 2

  let minutes: Double
  let rate: Int

  var name: String { "snapshot" }

  private var seconds: Double { minutes * 60 }

  func run(_ database: BenchmarkDatabase, _ progress: ProgressLine) async throws -> FlatOutcome {
    try await database.empty()
    var settings = database.workerSettings([.noOp, .probe])
    settings.queues = Self.queues
    let processes = try await WorkerProcess.start(Self.processes, settings)
    for process in processes { try process.go() }
    let outcome = try await database.withStore { store in
      let snapshot = try await HeldSnapshot.take(database)
      let producer = SteadyProducer(store, queues: Self.queues.map { QueueName($0) }, rate: rate)
      let probes = ProbeLatencies(store, queue: QueueName(Self.queues[0]), processes)
      let series = try await record(producer, probes, processes, progress)
      try await snapshot.release()
      try await awaitRest(processes, producer.produced + probes.sent, database, progress)
      return summary(series, probes)
    }
    for process in processes { try await process.stop() }
    return outcome
  }

  private func record(
    _ producer: SteadyProducer,
    _ probes: ProbeLatencies,
    _ processes: [WorkerProcess],
    _ progress: ProgressLine
  ) async throws -> [TimeSeries] {
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    return try await withThrowingTaskGroup(of: [TimeSeries].self) { group in
      group.addTask {
        try await producer.run(for: .seconds(seconds))
        return []
      }
      group.addTask {
        try await probes.sendLateCommits(holding: .seconds(min(20, seconds / 3)), until: end)
        return []
      }
      group.addTask { try await sample(producer, probes, processes, until: end, progress) }
      group.addTask {
        try await probes.sendNewcomers(every: .seconds(2)) { ContinuousClock.now >= end }
        return []
      }
      var series: [TimeSeries] = []
      for try await part in group { series += part }
      return series
    }
  }

  private func sample(
    _ producer: SteadyProducer,
    _ probes: ProbeLatencies,
    _ processes: [WorkerProcess],
    until end: ContinuousClock.Instant,
    _ progress: ProgressLine
  ) async throws -> [TimeSeries] {
    var throughput = TimeSeries("flat-snapshot", "Throughput while a snapshot is held", .tasksPerSecond)
    var backlog = TimeSeries("flat-snapshot-backlog", "Tasks waiting", .count)
    let recorder = ThroughputRecorder(processes: processes)
    try await recorder.record(
      into: &throughput,
      while: { ContinuousClock.now < end },
      each: { seconds, rate in
        let waiting = max(0, producer.produced + probes.sent - recorder.handled)
        backlog.append(Double(waiting), at: seconds)
        progress.update(
          "snapshot: \(NumberText.short(rate)) tasks/s, \(NumberText.short(Double(waiting))) waiting, "
            + "\(NumberText.duration(self.seconds - seconds)) left"
        )
      }
    )
    return [throughput, backlog]
  }

  /// Everything produced has to be handled in the end.
  private func awaitRest(
    _ processes: [WorkerProcess],
    _ total: Int,
    _ database: BenchmarkDatabase,
    _ progress: ProgressLine
  ) async throws {
    progress.update("snapshot: waiting for the rest")
    try await DrainMeasurement.awaitDrain(processes, total, database)
  }

  private func summary(_ series: [TimeSeries], _ probes: ProbeLatencies) -> FlatOutcome {
    var readings: [Reading] = []
    let part = min(60, seconds / 4)
    // The first two seconds are those in which the processes warm up.
    if let throughput = series.first, let first = throughput.mean(from: 2, to: 2 + part),
      let last = throughput.mean(from: seconds - part, to: seconds)
    {
      readings.append(Reading(MetricCatalog.flatSnapshot, last, beside: first))
    }
    if let worst = probes.lateCommits.maximum { readings.append(Reading(MetricCatalog.flatLateCommit, worst)) }
    if let worst = probes.newcomers.maximum { readings.append(Reading(MetricCatalog.flatNewcomer, worst)) }
    return FlatOutcome(readings: readings, series: series)
  }
}
