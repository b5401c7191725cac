import ChildProcesses
import TaskQueue

/// Steps of many flows at once and of one alone, beside a loop of the same fenced insert; and how soon a flow begins and goes on.
struct FlowScenario: Scenario {
  static let connections = 16
  static let stepsPerFlow = 8
  /// How many steps at each end of a long flow are compared.
  private static let sample = 1_000

  let steps: Int
  let latencies: Int

  var name: String { "flows" }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = try await raw(database, connections: Self.connections, steps: steps / Self.connections)
    let sixteen = try await drain(database, concurrency: Self.connections)
    let many = try await drain(database, concurrency: 1_000)
    let alone = try await self.raw(database, connections: 1, steps: steps / Self.connections)
    var readings = [
      Reading(MetricCatalog.stepsSixteen, sixteen, beside: raw.rate),
      Reading(MetricCatalog.stepsMany, many, beside: raw.rate),
    ]
    readings += try await long(database, beside: alone)
    let first = try await delays(database, of: BenchFirstStep.taskType, .tasks(BenchFirstStep.taskType))
    let event = try await delays(database, of: BenchEventFlow.taskType, .events)
    guard let firstMedian = first.median, let median = event.median, let tail = event.percentile(0.99) else {
      throw BenchmarkError("No latency was measured.")
    }
    return readings + [
      Reading(MetricCatalog.firstStep, firstMedian),
      Reading(MetricCatalog.eventMedian, median),
      Reading(MetricCatalog.eventTail, tail),
    ]
  }

  // MARK: Many

  private func raw(_ database: BenchmarkDatabase, connections: Int, steps: Int) async throws -> DrainMeasurement {
    let loop = RawSteps(connectionString: database.connectionString, statements: database.statements)
    let gate = StartGate(connections)
    return try await .raw(
      tasks: connections * steps,
      database,
      prepare: { try await database.fill(connections, type: BenchFlow.taskType) },
      work: {
        _ = try await onThreads(connections) { _ in try loop.run(steps) { gate.wait() } }
        return try await database.steps()
      }
    )
  }

  private func drain(_ database: BenchmarkDatabase, concurrency: Int) async throws -> Double {
    var settings = database.workerSettings([.flows])
    settings.connections = Self.connections
    settings.concurrency = concurrency
    return try await DrainMeasurement.workers(1, settings, tasks: steps, database) {
      try await database.fill(steps / Self.stepsPerFlow, type: BenchFlow.taskType)
    }.rate
  }

  // MARK: One

  private func long(_ database: BenchmarkDatabase, beside raw: DrainMeasurement) async throws -> [Reading] {
    let count = steps / Self.connections
    try await database.empty()
    let process = try await WorkerProcess.start(database.workerSettings([.flows]))
    try await database.add(BenchFlow(number: 0, steps: count))
    let before = try await database.walBytes()
    try process.go()
    try await DrainMeasurement.awaitDrain([process], count, database)
    let bytes = try await database.walBytes() - before
    try await wait(for: process, until: { process.probe(count - 1) != nil })
    let times = (0..<count).compactMap { process.probe($0) }
    try await process.stop()
    let gaps = zip(times, times.dropFirst()).map { Double($1 - $0) / 1_000_000 }
    let (first, last) = (Samples(Array(gaps.prefix(Self.sample))), Samples(Array(gaps.suffix(Self.sample))))
    guard let median = Samples(gaps).median, let late = last.median else {
      throw BenchmarkError("No step was measured.")
    }
    return [
      Reading(MetricCatalog.stepMedian, median, beside: 1_000 / raw.rate),
      Reading(MetricCatalog.stepLate, late, beside: first.median),
      Reading(MetricCatalog.walStep, Double(bytes) / Double(count), beside: raw.walPerTask),
    ]
  }

  // MARK: How soon

  private func delays(_ database: BenchmarkDatabase, of type: TaskType, _ work: RawWaker.Work) async throws -> Samples {
    try await database.empty()
    let process = try await WorkerProcess.start(database.workerSettings([.flows]))
    try process.go()
    if case .events = work {
      try await database.add(latencies, type: type, from: 0)
      var stall = StallWatch()
      while try await database.count(where: "ready") > 0 {
        try stall.check(0, of: latencies)
        try await Task.sleep(for: .milliseconds(5))
      }
    }
    // Long enough for the worker to find nothing and to go to sleep.
    try await Task.sleep(for: .milliseconds(500))
    let waker = RawWaker(
      connectionString: database.connectionString,
      statements: database.statements,
      work: work
    )
    let commits = try await onOwnThread { try waker.run(latencies, interval: LatencyScenario.interval) }
    try await wait(for: process, until: { process.handled >= latencies })
    let ends = commits.indices.compactMap { process.probe($0) }
    try await process.stop()
    guard ends.count == commits.count else {
      throw BenchmarkError("\(ends.count) of \(commits.count) flows were reported.")
    }
    return LatencyScenario.latencies(commits, ends)
  }

  private func wait(for process: WorkerProcess, until condition: () -> Bool) async throws {
    var stall = StallWatch()
    while !condition() {
      try stall.check(process.handled, of: latencies)
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
