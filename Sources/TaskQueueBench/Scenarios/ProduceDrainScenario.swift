import ChildProcesses
import TaskQueue

/// One process enqueues in bulk while another works, beside raw loops that do the same.
struct ProduceDrainScenario: Scenario {
  /// Tasks per enqueue.
  static let batch = 1_000

  let tasks: Int

  var name: String { "produce-drain" }

  private var total: Int { max(tasks / Self.batch, 1) * Self.batch }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let raw = try await raw(database)
    let ours = try await workers(database)
    return [
      Reading(MetricCatalog.produceDrain, ours.rate, beside: raw.rate),
      Reading(MetricCatalog.walLife, ours.walPerTask, beside: raw.walPerTask),
    ]
  }

  private func raw(_ database: BenchmarkDatabase) async throws -> DrainMeasurement {
    let type = NoOp.taskType.rawValue
    let producer = RawEnqueue(
      connectionString: database.connectionString,
      statements: database.statements,
      type: type
    )
    let drain = RawDrain(
      connectionString: database.connectionString,
      statements: database.statements,
      type: type,
      batch: Self.batch,
      columns: .necessary,
      isBehindPlace: false
    )
    return try await .raw(
      tasks: total,
      database,
      prepare: { try await database.empty() },
      work: {
        async let produced: Void = onOwnThread { try producer.bulk(total: total, batch: Self.batch) }
        // 1,000 tasks per second are the least; so that it ends also when the producer fails.
        let giveUp = ContinuousClock.now + StallWatch.patience + .milliseconds(total)
        let completed = try await onOwnThread { try drain.run { $0 >= total || ContinuousClock.now > giveUp } }
        try await produced
        return completed
      }
    )
  }

  private func workers(_ database: BenchmarkDatabase) async throws -> DrainMeasurement {
    try await database.withStore { store in
      let client = TaskClient(store: store)
      return try await DrainMeasurement.workers(
        1,
        database.workerSettings([.noOp]),
        tasks: total,
        database,
        prepare: { try await database.empty() },
        whileDraining: {
          for first in stride(from: 0, to: total, by: Self.batch) {
            try await client.enqueue(all: (first..<first + Self.batch).map { NoOp(number: $0) })
          }
        }
      )
    }
  }
}
