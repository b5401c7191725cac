/// What a capability costs the tasks that use it, or have it beside them: a worker process empties a full table, beside one that has nothing of it.
struct PriceScenario: Scenario {
  private static let scheduleCount = 1_000
  private static let dashboardCount = 8

  let tasks: Int

  var name: String { "prices" }

  func round(_ database: BenchmarkDatabase) async throws -> [Reading] {
    let bare = try await drain(database)
    var readings: [Reading] = []
    for (metric, observer) in [(MetricCatalog.priceMetrics, .metrics), (MetricCatalog.priceTracing, .tracing)]
      as [(Metric, WorkerSettings.Observer)]
    {
      readings.append(Reading(metric, try await drain(database) { $0.observers = [observer] }, beside: bare))
    }
    readings.append(
      Reading(MetricCatalog.priceHistory, try await drain(database) { $0.handlers = [.retained] }, beside: bare)
    )
    try await database.addSchedules(Self.scheduleCount)
    readings.append(Reading(MetricCatalog.priceSchedules, try await drain(database), beside: bare))
    try await database.removeSchedules()
    let watched = try await OpenDashboards(count: Self.dashboardCount).beside(database) { try await drain(database) }
    readings.append(Reading(MetricCatalog.priceDashboard, watched, beside: bare))
    return readings
  }

  private func drain(
    _ database: BenchmarkDatabase,
    _ change: (inout WorkerSettings) -> Void = { _ in }
  ) async throws -> Double {
    var settings = database.workerSettings([.noOp])
    change(&settings)
    return try await DrainMeasurement.workers(1, settings, tasks: tasks, database) { try await database.fill(tasks) }
      .rate
  }
}
