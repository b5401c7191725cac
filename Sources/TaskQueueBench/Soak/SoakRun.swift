import TaskQueue

/// Produces and drains at full speed for long, and watches what the worker process holds.
struct SoakRun: Sendable {
  static let sampleInterval: Duration = .seconds(2)

  let database: BenchmarkDatabase
  let seconds: Double
  let largeEvery: Int

  func run(_ progress: ProgressLine) async throws -> FlatOutcome {
    try await database.empty()
    let process = try await WorkerProcess.start(database.workerSettings([.noOp, .large]))
    try process.go()
    var outcome = try await database.withStore { store in
      let producer = SoakProducer(TaskClient(store: store), largeEvery: largeEvery)
      let end = ContinuousClock.now + .seconds(seconds)
      let series = try await withThrowingTaskGroup(of: [TimeSeries].self) { group in
        group.addTask {
          try await producer.run(until: end) { process.handled }
          return []
        }
        group.addTask { try await sample(process, until: end, progress) }
        var series: [TimeSeries] = []
        for try await part in group { series += part }
        return series
      }
      progress.update("waiting for the rest")
      try await DrainMeasurement.awaitDrain([process], producer.produced, database)
      return FlatOutcome(readings: readings(series), series: series)
    }
    outcome.readings.append(Reading(MetricCatalog.soakPeakMemory, try await process.usage().peakMegabytes))
    try await process.stop()
    return outcome
  }

  private func sample(
    _ process: WorkerProcess,
    until end: ContinuousClock.Instant,
    _ progress: ProgressLine
  ) async throws -> [TimeSeries] {
    let files = ProcessFiles(processID: process.processID)
    var throughput = TimeSeries(MetricCatalog.soakThroughput.id, "Produce + drain", .tasksPerSecond)
    var memory = TimeSeries(MetricCatalog.soakMemory.id, "Resident memory of the worker process", .megabytes)
    var descriptors = TimeSeries(MetricCatalog.soakDescriptors.id, "Open descriptors", .count)
    var threads = TimeSeries(MetricCatalog.soakThreads.id, "Threads", .count)
    var connections = TimeSeries(MetricCatalog.soakConnections.id, "Server connections", .count)
    let watch = Stopwatch()
    var last = (seconds: 0.0, handled: process.handled)
    while ContinuousClock.now < end {
      try await Task.sleep(for: Self.sampleInterval)
      let now = (seconds: watch.seconds, handled: process.handled)
      let rate = Double(now.handled - last.handled) / (now.seconds - last.seconds)
      last = now
      throughput.append(rate, at: now.seconds)
      if let value = files.residentMegabytes { memory.append(value, at: now.seconds) }
      if let value = files.openDescriptors { descriptors.append(Double(value), at: now.seconds) }
      if let value = files.threads { threads.append(Double(value), at: now.seconds) }
      connections.append(Double(try await database.workerConnections()), at: now.seconds)
      let resident = memory.points.last.map { ", \(NumberText.short($0.value)) MB" } ?? ""
      progress.update(
        "soak: \(NumberText.short(rate)) tasks/s\(resident), \(NumberText.duration(seconds - now.seconds)) left"
      )
    }
    return [throughput, memory, descriptors, threads, connections]
  }

  /// The first quarter is for caches and pools to fill.
  private func readings(_ series: [TimeSeries]) -> [Reading] {
    series.compactMap { series in
      guard
        let metric = MetricCatalog.soak.first(where: { $0.id == series.id }),
        let second = series.median(from: seconds / 4, to: seconds / 2),
        let last = series.median(from: seconds * 3 / 4, to: .infinity)
      else { return nil }
      return Reading(metric, last, beside: second)
    }
  }
}
