import Foundation
import Testing

@testable import TaskQueueBench

@Suite("The thresholds file decides the exit status")
struct ThresholdsTests {
  private func result(_ metric: Metric, _ value: Double, beside reference: Double? = nil) -> MetricResult {
    MetricResult.collect([Reading(metric, value, beside: reference)])[0]
  }

  private func load(_ json: String) throws -> Thresholds { try Thresholds(json: Data(json.utf8)) }

  @Test(
    "Bounds are inclusive",
    arguments: [
      (#"{"drain-1": {"minRatio": 0.6}}"#, 59.0, false), (#"{"drain-1": {"minRatio": 0.6}}"#, 60.0, true),
      (#"{"drain-1": {"maxRatio": 0.6}}"#, 60.0, true), (#"{"drain-1": {"maxRatio": 0.6}}"#, 61.0, false),
    ]
  )
  func ratios(json: String, value: Double, holds: Bool) throws {
    let verdict = try load(json).judge(result(MetricCatalog.drainOne, value, beside: 100))
    #expect(verdict.isMissed == !holds)
  }

  @Test("A value above its maximum or below its minimum is a miss, and says which")
  func values() throws {
    let thresholds = try load(#"{"latency-p99": {"maximum": 2}, "peak-memory": {"minimum": 1, "maximum": 40}}"#)
    #expect(thresholds.judge(result(MetricCatalog.latencyTail, 2, beside: 1)) == .held)
    #expect(thresholds.judge(result(MetricCatalog.latencyTail, 2.1, beside: 1)) == .missed("above 2.0"))
    #expect(thresholds.judge(result(MetricCatalog.peakMemory, 0.5)) == .missed("below 1.0"))
  }

  @Test("A metric without a bound is not judged")
  func unjudged() throws {
    #expect(try load("{}").judge(result(MetricCatalog.drainOne, 1, beside: 100)) == .unjudged)
  }

  @Test("What could not be measured does not hold")
  func unmeasured() throws {
    let thresholds = try load(#"{"drain-1": {"minRatio": 0.6}, "latency-p50": {"maximum": 1}}"#)
    #expect(thresholds.judge(result(MetricCatalog.drainOne, 10, beside: 0)).isMissed)
    #expect(thresholds.judge(result(MetricCatalog.drainOne, .nan, beside: 100)).isMissed)
    #expect(thresholds.judge(result(MetricCatalog.latencyMedian, .nan)).isMissed)
    #expect(thresholds.judge(MetricResult(MetricCatalog.latencyMedian)).isMissed)
  }

  @Test(
    "A file with a mistake is refused, not half read",
    arguments: [
      ("not json", "JSON object"),
      (#"{"drain-1": 0.6}"#, "JSON object"),
      (#"{"drain-9": {"minRatio": 0.6}}"#, "Unknown metric"),
      (#"{"drain-1": {"leastRatio": 0.6}}"#, "Unknown bound"),
      (#"{"drain-1": {"minimum": 1000}}"#, "is a speed"),
      (#"{"peak-memory": {"maxRatio": 1}}"#, "no reference"),
    ]
  )
  func mistakes(json: String, part: String) {
    let error = #expect(throws: BenchmarkError.self) { try load(json) }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test("The file of this repository can be read")
  func checkedIn() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try Data(contentsOf: root.appendingPathComponent("benchmarks/thresholds.json"))
    let thresholds = try Thresholds(json: data)
    #expect(thresholds.threshold(for: MetricCatalog.drainOne)?.minRatio != nil)
  }

  @Test("Every metric has an id of its own")
  func ids() {
    let ids = MetricCatalog.all.map(\.id)
    #expect(Set(ids).count == ids.count)
  }
}
