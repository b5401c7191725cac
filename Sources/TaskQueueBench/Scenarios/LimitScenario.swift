/// A worker process empties a table whose tasks all have a limit, beside one whose tasks have none.
struct LimitScenario: Scenario {
  let tasks: Int

  var name: String { "limits" }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let unlimited = try await drain(database) { try await database.fill(tasks) }
    let shapes: [(Metric, keys: Int, slots: Int)] = [
      (MetricCatalog.limitOneKey, 1, 100), (MetricCatalog.limitHundredKeys, 100, 10),
      (MetricCatalog.limitManyKeys, 10_000, 2), (MetricCatalog.limitKeyEach, tasks, 1),
    ]
    var readings: [Reading] = []
    for shape in shapes {
      let limited = try await drain(database) {
        try await database.fill(tasks, keys: shape.keys, slots: shape.slots)
      }
      readings.append(Reading(shape.0, limited.rate, beside: unlimited.rate))
    }
    return readings
  }

  private func drain(_ database: BenchmarkDatabase, _ fill: () async throws -> Void) async throws -> DrainMeasurement {
    try await .workers(1, database.workerSettings([.noOp]), tasks: tasks, database, prepare: fill)
  }
}
