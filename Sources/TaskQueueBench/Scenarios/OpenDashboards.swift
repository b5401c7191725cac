import AsyncHTTPClient
import Hummingbird
import Logging
import NIOHTTP1
import TaskQueue
import TaskQueueDashboard

/// Dashboards that people have open: a service with the pages, and browsers that fetch theirs again as the pages' script does.
struct OpenDashboards {
  /// As in `dashboard.js`.
  private static let period = Duration.seconds(4)
  private static let pages = ["", "tasks", "throughput", "workers"]

  /// How many are open, each at one of the pages.
  let count: Int

  /// Does `work` while they are open. All pages were read once before it begins.
  func beside<Value: Sendable>(
    _ database: BenchmarkDatabase,
    _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await database.withStore { store in
      let dashboard = TaskDashboard(
        client: TaskClient(store: store),
        authenticator: .everybody(as: DashboardIdentity("bench", role: .read))
      )
      let (ports, isRunning) = AsyncStream<Int>.makeStream()
      var logger = Logger(label: "taskqueue.bench")
      // It calls its own end by a cancellation an error.
      logger.logLevel = .critical
      let app = Application(
        router: dashboard.router(),
        configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { channel in
          if let port = channel.localAddress?.port { isRunning.yield(port) }
          isRunning.finish()
        },
        logger: logger
      )
      return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
          try await app.run()
          return nil
        }
        guard let port = await ports.first(where: { _ in true }) else {
          throw BenchmarkError("The dashboard did not start.")
        }
        let urls = Self.pages.map { "http://127.0.0.1:\(port)/\($0)" }
        for url in urls { try await Self.read(url) }
        for viewer in 0..<count {
          group.addTask {
            try await Task.sleep(for: Self.period / count * viewer)
            while true {
              try await Self.read(urls[viewer % urls.count])
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

  private static func read(_ url: String) async throws {
    let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
    _ = try await response.body.collect(upTo: 4 << 20)
    guard response.status == .ok else { throw BenchmarkError("\(url) answered \(response.status.code).") }
  }
}
