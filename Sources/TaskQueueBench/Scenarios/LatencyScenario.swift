import ChildProcesses
import TaskQueue

/// From the answered COMMIT of another connection to the start of the handler in an idle worker process.
struct LatencyScenario: Scenario {
  /// 100 tasks per second.
  static let interval: Duration = .milliseconds(10)

  let tasks: Int

  var name: String { "latency" }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = try await measureRaw(database)
    let ours = try await measureWorker(database)
    guard let median = ours.median, let tail = ours.percentile(0.99), let farTail = ours.percentile(0.999) else {
      throw BenchmarkError("No latency was measured.")
    }
    return [
      Reading(MetricCatalog.latencyMedian, median, beside: raw.median),
      Reading(MetricCatalog.latencyTail, tail, beside: raw.percentile(0.99)),
      Reading(MetricCatalog.latencyFarTail, farTail, beside: raw.percentile(0.999)),
    ]
  }

  private func waker(_ database: BenchmarkDatabase) -> RawWaker {
    RawWaker(
      connectionString: database.connectionString,
      statements: database.statements,
      work: .tasks(Probe.taskType)
    )
  }

  private func measureRaw(_ database: BenchmarkDatabase) async throws -> Samples {
    try await database.empty()
    let listener = RawListener(
      connectionString: database.connectionString,
      statements: database.statements,
      type: Probe.taskType.rawValue
    )
    let waker = waker(database)
    let gate = StartGate(2)
    async let claims = onOwnThread { try listener.run(tasks) { gate.wait() } }
    let commits = try await onOwnThread {
      gate.wait()
      return try waker.run(tasks, interval: Self.interval)
    }
    let starts = try await claims
    guard starts.count == commits.count else {
      throw BenchmarkError("The raw listener claimed \(starts.count) of \(commits.count) tasks.")
    }
    return Self.latencies(commits, starts)
  }

  private func measureWorker(_ database: BenchmarkDatabase) async throws -> Samples {
    try await database.empty()
    let process = try await WorkerProcess.start(database.workerSettings([.probe]))
    try process.go()
    // Long enough for the worker to find nothing and to go to sleep.
    try await Task.sleep(for: .milliseconds(500))
    let waker = waker(database)
    let commits = try await onOwnThread { try waker.run(tasks, interval: Self.interval) }
    var stall = StallWatch()
    while process.handled < tasks {
      try stall.check(process.handled, of: tasks)
      try await Task.sleep(for: .milliseconds(5))
    }
    let starts = commits.indices.compactMap { process.probe($0) }
    try await process.stop()
    guard starts.count == commits.count else {
      throw BenchmarkError("\(starts.count) of \(commits.count) probes were reported.")
    }
    return Self.latencies(commits, starts)
  }

  /// In milliseconds. A worker may be faster than the answer to the COMMIT; that counts as zero.
  static func latencies(_ commits: [Int64], _ starts: [Int64]) -> Samples {
    Samples(zip(commits, starts).map { max(0, Double($1 - $0) / 1_000_000) })
  }
}
