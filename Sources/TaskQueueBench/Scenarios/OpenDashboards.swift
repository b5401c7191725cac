import TaskQueue
import TaskQueuePostgres

/// What the server reads for dashboards that people have open. Pages are not rendered here: this program would carry a web server into
/// the workers whose memory it measures.
struct OpenDashboards {
  /// As in `dashboard.js`.
  private static let period = Duration.seconds(4)
  /// As the dashboard asks for its pages: overview, tasks, throughput, workers.
  private static let pages: [@Sendable (TaskClient<PostgresTaskStore>) async throws -> Void] = [
    {
      _ = try await $0.overview()
      _ = try await $0.throughput(of: .seconds(3600))
    },
    { _ = try await $0.list(.with { $0.queue = .default }, limit: 50) },
    { _ = try await $0.throughput(of: .seconds(86_400)) },
    {
      _ = try await $0.workers()
      _ = try await $0.overview()
    },
  ]

  /// How many are open, each at one of the pages.
  let count: Int

  /// Does `work` while they are open.
  func beside<Value: Sendable>(
    _ database: BenchmarkDatabase,
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await database.withStore { store in
      let client = TaskClient(store: store)
      return try await withThrowingTaskGroup(of: Value?.self) { group in
        for viewer in 0..<count {
          group.addTask {
            try await Task.sleep(for: Self.period / count * viewer)
            while true {
              try await Self.pages[viewer % Self.pages.count](client)
              try await Task.sleep(for: Self.period)
            }
          }
        }
        group.addTask { try await work() }
        defer { group.cancelAll() }
        // The others end by an error, or never.
        while let value = try await group.next() {
          if let value { return value }
        }
        throw CancellationError()
      }
    }
  }
}
