import TaskQueue
import TaskQueuePostgres

/// One task per call of `TaskClient.enqueue`, beside one INSERT per commit.
struct EnqueueScenario: Scenario {
  let callers: Int
  let time: Duration

  var name: String { "enqueue-\(callers)" }

  private var metric: Metric { callers == 1 ? MetricCatalog.enqueueOne : MetricCatalog.enqueueSixteen }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    try await database.empty()
    let raw = try await measureRaw(database)
    try await database.empty()
    return [Reading(metric, try await measureStore(database), beside: raw)]
  }

  private func measureRaw(_ database: BenchmarkDatabase) async throws -> Double {
    let loop = RawEnqueue(
      connectionString: database.connectionString,
      statements: database.statements,
      type: NoOp.taskType.rawValue
    )
    let counts = try await onThreads(callers) { _ in try loop.singles(for: time) }
    return Double(counts.reduce(0, +)) / (time / .seconds(1))
  }

  private func measureStore(_ database: BenchmarkDatabase) async throws -> Double {
    let (count, rate) = try await database.withStore { try await call(TaskClient(store: $0)) }
    let stored = try await database.count(where: "true")
    guard stored == count else { throw BenchmarkError("\(count) tasks were enqueued, \(stored) are there.") }
    return rate
  }

  private func call(_ client: TaskClient<PostgresTaskStore>) async throws -> (count: Int, rate: Double) {
    let watch = Stopwatch()
    let end = ContinuousClock.now + time
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<callers {
        group.addTask {
          var count = 0
          while ContinuousClock.now < end {
            try await client.enqueue(NoOp(number: count))
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(0, +)
    }
    return (count, watch.rate(count))
  }
}
