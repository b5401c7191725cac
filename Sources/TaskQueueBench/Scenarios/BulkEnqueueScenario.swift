import ChildProcesses
import TaskQueue

/// `TaskClient.enqueue(all:)` of typed payloads, beside `unnest` and COPY of encoded rows.
struct BulkEnqueueScenario: Scenario {
  /// Tasks per call and per commit.
  static let batch = 10_000

  let tasks: Int

  var name: String { "bulk" }

  private var total: Int { max(tasks / Self.batch, 1) * Self.batch }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = RawEnqueue(
      connectionString: database.connectionString,
      statements: database.statements,
      type: NoOp.taskType.rawValue
    )
    let unnest = try await measure(database) { try await onOwnThread { try raw.bulk(total: total, batch: Self.batch) } }
    let copy = try await measure(database) { try await onOwnThread { try raw.copy(total: total, batch: Self.batch) } }
    let bulk = try await database.withStore { store in
      let client = TaskClient(store: store)
      return try await measure(database) {
        for first in stride(from: 0, to: total, by: Self.batch) {
          try await client.enqueue(all: (first..<first + Self.batch).map { NoOp(number: $0) })
        }
      }
    }
    return [
      Reading(MetricCatalog.bulkUnnest, bulk, beside: unnest), Reading(MetricCatalog.bulkCopy, bulk, beside: copy),
    ]
  }

  private func measure(_ database: BenchmarkDatabase, _ work: () async throws -> Void) async throws -> Double {
    try await database.empty()
    let watch = Stopwatch()
    try await work()
    let rate = watch.rate(total)
    let stored = try await database.count(where: "true")
    guard stored == total else { throw BenchmarkError("\(total) tasks were enqueued, \(stored) are there.") }
    return rate
  }
}
