extension DrainMeasurement {
  /// A worker process takes over a filled table; until the last completion is durable.
  ///
  /// - Parameters:
  ///   - prepare: fills the table, after the processes have started and before they claim.
  ///   - whileDraining: runs beside the drain and takes part in its time.
  static func workers(
    _ count: Int,
    _ settings: WorkerSettings,
    tasks: Int,
    _ database: BenchmarkDatabase,
    prepare: () async throws -> Void,
    whileDraining: () async throws -> Void = {}
  ) async throws -> DrainMeasurement {
    let processes = try await WorkerProcess.start(count, settings)
    try await prepare()
    let before = try await ResourceReading.take(database)
    let start = ContinuousClock.now
    for process in processes { try process.go() }
    try await whileDraining()
    let seconds = start.duration(to: try await awaitDrain(processes, tasks, database)) / .seconds(1)
    let after = try await ResourceReading.take(database)
    var usages: [ProcessUsage] = []
    for process in processes { usages.append(try await process.usage()) }
    for process in processes { try await process.stop() }
    return DrainMeasurement(
      tasks: tasks,
      seconds: seconds,
      walBytes: after.walBytes - before.walBytes,
      clientCPUSeconds: usages.reduce(0) { $0 + $1.cpuSeconds },
      serverCPUSeconds: after.serverCPUSeconds(since: before),
      peakMegabytes: usages.map(\.peakMegabytes).max()
    )
  }

  /// Raw loops on threads of this process.
  static func raw(
    tasks: Int,
    _ database: BenchmarkDatabase,
    prepare: () async throws -> Void,
    work: () async throws -> Int
  ) async throws -> DrainMeasurement {
    try await prepare()
    let before = try await ResourceReading.take(database)
    let cpu = ProcessUsage.current().cpuSeconds
    let watch = Stopwatch()
    let completed = try await work()
    let seconds = watch.seconds
    let clientCPU = ProcessUsage.current().cpuSeconds - cpu
    let after = try await ResourceReading.take(database)
    guard completed == tasks else { throw BenchmarkError("The raw loop completed \(completed) of \(tasks) tasks.") }
    return DrainMeasurement(
      tasks: tasks,
      seconds: seconds,
      walBytes: after.walBytes - before.walBytes,
      clientCPUSeconds: clientCPU,
      serverCPUSeconds: after.serverCPUSeconds(since: before),
      peakMegabytes: nil
    )
  }

  /// Waits until that many handlers have ended and no due task is left.
  ///
  /// - Returns: when that was; looking through the whole table comes after it.
  @discardableResult
  static func awaitDrain(
    _ processes: [WorkerProcess],
    _ tasks: Int,
    _ database: BenchmarkDatabase
  ) async throws -> ContinuousClock.Instant {
    var stall = StallWatch()
    while true {
      let handled = processes.reduce(0) { $0 + $1.handled }
      if handled >= tasks { break }
      try stall.check(handled, of: tasks)
      try await Task.sleep(for: .milliseconds(1))
    }
    while true {
      while try await database.isRecentReady() {
        try stall.check(tasks, of: tasks)
        try await Task.sleep(for: .milliseconds(1))
      }
      let end = ContinuousClock.now
      if try await database.count(where: "ready") == 0 { return end }
      try stall.check(tasks, of: tasks)
    }
  }
}
