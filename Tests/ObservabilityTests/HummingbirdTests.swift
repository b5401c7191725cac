import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Metrics
import TaskQueue
import TaskQueueInMemory
import TaskQueuePrometheus
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("In Hummingbird it takes a line each, as the documentation has them")
struct HummingbirdTests {
  @Test("Health and metrics answer what the worker says")
  func routes() async throws {
    let metrics = PrometheusMetrics()
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      try await TaskClient(store: store).enqueue(Ping())
      try await withWorker(store) { handlers in
        try handlers.register(Ping.self) { _, _ in .completed }
      } _: { worker in
        let router = Router()
        router.get("health/live") { _, _ in worker.health.isLive ? HTTPResponse.Status.ok : .serviceUnavailable }
        router.get("health/ready") { _, _ in worker.health.isReady ? HTTPResponse.Status.ok : .serviceUnavailable }
        router.get("metrics") { _, _ in
          Response(
            status: .ok,
            headers: [.contentType: PrometheusMetrics.contentType],
            body: .init(byteBuffer: .init(string: metrics.text()))
          )
        }
        try await eventually("it is ready and has worked") {
          worker.health.isReady && metrics.text().contains(#"outcome="completed""#)
        }
        try await Application(router: router).test(.router) { client in
          for (path, status) in [("/health/live", HTTPResponse.Status.ok), ("/health/ready", .ok)] {
            try await client.execute(uri: path, method: .get) { #expect($0.status == status) }
          }
          try await client.execute(uri: "/metrics", method: .get) { response in
            #expect(response.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(String(buffer: response.body).contains("taskqueue_attempts_total{"))
          }
          worker.shutDown()
          try await eventually("it has ended") { worker.health.state == .ended }
          for path in ["/health/live", "/health/ready"] {
            try await client.execute(uri: path, method: .get) { #expect($0.status == .serviceUnavailable) }
          }
        }
      }
    }
  }
}
