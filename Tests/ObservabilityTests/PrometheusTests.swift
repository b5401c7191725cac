import CoreMetrics
import Foundation
import Metrics
import TaskQueue
import TaskQueueInMemory
import TaskQueuePrometheus
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Prometheus reads what is told")
struct PrometheusTests {
  private func lines(_ metrics: PrometheusMetrics) -> [String] {
    metrics.text().split(separator: "\n").map(String.init)
  }

  @Test("Counters, gauges, timers and recorders have the form of their kind")
  func kinds() {
    let metrics = PrometheusMetrics()
    metrics.makeCounter(label: "requests", dimensions: [("z", "1"), ("a", "2")]).increment(by: 2)
    metrics.makeCounter(label: "requests_total", dimensions: [("z", "1"), ("a", "2")]).increment(by: 1)
    metrics.makeFloatingPointCounter(label: "seconds_total", dimensions: []).increment(by: 0.25)
    metrics.makeMeter(label: "depth", dimensions: []).set(Int64(7))
    metrics.makeRecorder(label: "age_seconds", dimensions: [], aggregate: false).record(1.5)
    metrics.makeTimer(label: "call", dimensions: [("q", "x")]).recordNanoseconds(300_000_000)
    metrics.makeRecorder(label: "size", dimensions: [], aggregate: true).record(Int64(3))
    let lines = lines(metrics)
    #expect(lines.contains(#"requests_total{a="2",z="1"} 3"#), "both names are one counter's")
    #expect(lines.contains("# TYPE requests_total counter"))
    #expect(lines.contains("seconds_total 0.25"))
    #expect(lines.contains("# TYPE depth gauge") && lines.contains("depth 7"))
    #expect(lines.contains("age_seconds 1.5"))
    #expect(lines.contains("# TYPE call_seconds histogram"))
    #expect(lines.contains(#"call_seconds_bucket{q="x",le="0.25"} 0"#))
    #expect(lines.contains(#"call_seconds_bucket{q="x",le="0.5"} 1"#))
    #expect(lines.contains(#"call_seconds_bucket{q="x",le="+Inf"} 1"#))
    #expect(lines.contains(#"call_seconds_sum{q="x"} 0.3"#) && lines.contains(#"call_seconds_count{q="x"} 1"#))
    #expect(lines.contains(#"size_bucket{le="2"} 0"#) && lines.contains(#"size_bucket{le="5"} 1"#))
    #expect(lines.contains("metrics_dropped_total 0"))
  }

  @Test("A counter never goes back; numbers have no other form than the format's")
  func numbers() {
    let metrics = PrometheusMetrics()
    let counter = metrics.makeCounter(label: "a", dimensions: [])
    counter.increment(by: 5)
    counter.increment(by: -3)
    counter.reset()
    for (label, value) in [
      ("inf", Double.infinity), ("minus", -.infinity), ("nan", .nan), ("big", 1e20), ("tiny", 1e-9),
    ] {
      metrics.makeMeter(label: label, dimensions: []).set(value)
    }
    let lines = lines(metrics)
    #expect(lines.contains("a_total 5"))
    #expect(lines.contains("inf +Inf") && lines.contains("minus -Inf") && lines.contains("nan NaN"))
    #expect(lines.contains("big 1e+20") && lines.contains("tiny 1e-09"))
  }

  @Test("Histograms are cumulative, and their buckets are given in any order")
  func buckets() {
    var options = PrometheusOptions()
    options.buckets = ["size": [10, 1, 10, .infinity]]
    let metrics = PrometheusMetrics(options: options)
    let recorder = metrics.makeRecorder(label: "size", dimensions: [("le", "mine")], aggregate: true)
    for value in [0.5, 1, 5, 10, 11] { recorder.record(value) }
    recorder.record(Double.nan)
    #expect(
      lines(metrics).filter { $0.hasPrefix("size") } == [
        #"size_bucket{le_="mine",le="1"} 2"#, #"size_bucket{le_="mine",le="10"} 4"#,
        #"size_bucket{le_="mine",le="+Inf"} 5"#, #"size_sum{le_="mine"} 27.5"#, #"size_count{le_="mine"} 5"#,
      ]
    )
  }

  @Test("Names, labels and help are made fit for the format")
  func escaping() {
    var options = PrometheusOptions()
    options.help = ["a-b": "One\nline with \\ and \"quotes\"."]
    let metrics = PrometheusMetrics(options: options)
    metrics.makeMeter(label: "a-b", dimensions: [("l", "\"\\\n"), ("1x", "ü"), ("__own", "y"), ("l", "second")]).set(
      1.0
    )
    metrics.makeMeter(label: "9lives", dimensions: [("long", String(repeating: "é", count: 1_000))]).set(1.0)
    let lines = lines(metrics)
    #expect(lines.contains(#"# HELP a_b One\nline with \\ and "quotes"."#))
    #expect(lines.contains(#"a_b{_1x="ü",_own="y",l="\"\\\n"} 1"#))
    #expect(lines.contains { $0.hasPrefix("_9lives{long=\"éé") && $0.utf8.count < 400 })
  }

  @Test("The number of series is bounded, and a name has one kind")
  func bounds() {
    var options = PrometheusOptions()
    options.maxSeries = 2
    let metrics = PrometheusMetrics(options: options)
    metrics.makeMeter(label: "a", dimensions: []).set(1.0)
    metrics.makeTimer(label: "b", dimensions: []).recordNanoseconds(1)
    metrics.makeMeter(label: "one_too_many", dimensions: []).set(1.0)
    metrics.makeRecorder(label: "a", dimensions: [], aggregate: true).record(1.0)
    metrics.makeMeter(label: "a", dimensions: []).set(3.0)
    let lines = lines(metrics)
    #expect(lines.contains("metrics_dropped_total 2"))
    #expect(lines.contains("a 3"), "what is known goes on")
    #expect(!metrics.text().contains("one_too_many"))
    #expect(lines.count { $0.hasPrefix("# TYPE a ") } == 1)
  }

  @Test("Many threads lose no count")
  func threads() async {
    let metrics = PrometheusMetrics()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<1_000 {
            metrics.makeCounter(label: "a", dimensions: []).increment(by: 1)
            metrics.makeTimer(label: "b", dimensions: []).recordNanoseconds(1)
          }
        }
      }
    }
    #expect(lines(metrics).contains("a_total 8000") && lines(metrics).contains("b_seconds_count 8000"))
  }

  @Test("promtool finds nothing to complain of, in what a worker tells and in what is hard to write")
  func promtool() async throws {
    let metrics = PrometheusMetrics()
    try await withMetricsFactory(metrics) {
      let store = InMemoryTaskStore()
      let client = TaskClient(store: store)
      try await client.enqueue(all: (0..<20).map { Ping(number: $0) })
      try await client.enqueue(Ping(number: -1), options: .with { $0.queue = "with \"quotes\" and \\ and ü" })
      var configuration = quickConfiguration { $0.queues = [.default, "with \"quotes\" and \\ and ü"] }
      configuration.depthInterval = .seconds(1)
      try await withWorker(store, configuration) { handlers in
        try handlers.register(Ping.self, options: .init(maxAttempts: 1)) { ping, context in
          if ping.number == 3 { throw HandlerFailure() }
          _ = try await context.step("step") { 1 }
          return .completed
        }
      } _: { _ in
        try await eventually("all is done") { try await client.counts().isEmpty }
      }
    }
    metrics.makeMeter(label: "app_9-lives", dimensions: [("1", "a\nb"), ("__x", "\\")]).set(Double.infinity)
    // With accents, and a line break of Windows: one character each to Swift.
    metrics.makeMeter(label: "app_accents", dimensions: [("a", "x\"\u{301}"), ("b", "\\\u{301}"), ("c", "x\r\ny")]).set(
      1.0
    )
    metrics.makeRecorder(label: "app_sizes", dimensions: [], aggregate: true).record(Int64(7))
    let text = metrics.text()
    for name in [
      "taskqueue_attempts_total", "taskqueue_wait_duration_seconds_bucket", "taskqueue_step_duration_seconds_count",
    ] {
      #expect(text.contains(name), "\(name)")
    }
    let output = try await Promtool.run(["check", "metrics"], input: text)
    #expect(output.status == 0 && output.text.isEmpty, "\(output.text)")
  }

  @Test("Every metric of the library has its sentence there")
  func help() {
    let metrics = PrometheusMetrics()
    metrics.makeTimer(label: "taskqueue_attempt_duration", dimensions: []).recordNanoseconds(1)
    #expect(metrics.text().contains("# HELP taskqueue_attempt_duration_seconds How long attempts ran."))
  }
}
