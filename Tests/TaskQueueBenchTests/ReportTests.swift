import Foundation
import Testing

@testable import TaskQueueBench

@Suite("What a run prints and writes")
struct ReportTests {
  private static let environment = BenchmarkEnvironment(
    postgres: "15.1",
    operatingSystem: "Test OS",
    processors: 2,
    memoryMegabytes: 8_192,
    serverSettings: ["fsync": "on"]
  )

  private func report() throws -> BenchmarkReport {
    var series = TimeSeries("flat-snapshot", "Throughput", .tasksPerSecond)
    series.append(100, at: 1)
    return BenchmarkReport(
      command: "suite",
      environment: Self.environment,
      settings: ["rounds": "2"],
      startedAt: Date(timeIntervalSince1970: 0),
      seconds: 12.5,
      results: MetricResult.collect([
        Reading(MetricCatalog.drainOne, 60_000, beside: 100_000), Reading(MetricCatalog.peakMemory, 34),
        Reading(MetricCatalog.drainOne, 80_000, beside: 100_000), Reading(MetricCatalog.peakMemory, 50),
      ]),
      series: [series],
      thresholds: try Thresholds(
        json: Data(#"{"drain-1": {"minRatio": 0.6}, "peak-memory": {"maximum": 40}}"#.utf8)
      )
    )
  }

  @Test("The JSON has every value, the medians, the bounds and the verdicts")
  func json() throws {
    let object = try JSONSerialization.jsonObject(with: try report().json())
    let root = try #require(object as? [String: Any])
    #expect(root["command"] as? String == "suite")
    #expect(root["startedAt"] as? String == "1970-01-01T00:00:00Z")
    #expect(root["isWithinThresholds"] as? Bool == false)
    #expect((root["environment"] as? [String: Any])?["postgres"] as? String == "15.1")
    let metrics = try #require(root["metrics"] as? [[String: Any]])
    #expect(metrics.map { $0["id"] as? String } == ["drain-1", "peak-memory"])
    #expect(metrics[0]["unit"] as? String == "tasks/s")
    #expect(metrics[0]["median"] as? Double == 70_000)
    #expect(metrics[0]["values"] as? [Double] == [60_000, 80_000])
    #expect(metrics[0]["referenceValues"] as? [Double] == [100_000, 100_000])
    #expect(metrics[0]["ratio"] as? Double == 0.7)
    #expect(metrics[0]["verdict"] as? String == "held")
    #expect(metrics[1]["verdict"] as? String == "missed")
    #expect((metrics[1]["threshold"] as? [String: Double]) == ["maximum": 40])
    let series = try #require(root["series"] as? [[String: Any]])
    #expect((series[0]["points"] as? [[String: Double]]) == [["seconds": 1, "value": 100]])
  }

  @Test("Misses are what is above or below its bound")
  func misses() throws {
    #expect(try report().misses.map(\.metric.id) == ["peak-memory"])
  }

  @Test("The table is aligned, numbers its references once, and marks misses")
  func table() throws {
    let report = try report()
    let lines = ReportTable(results: report.results, thresholds: report.thresholds).text.split(separator: "\n")
    #expect(lines[0].hasSuffix("verdict"))
    #expect(lines[2].contains("70,000  60,000 … 80,000  tasks/s  100,000 [1]  0.70×  ≥ 0.6×  ok"))
    #expect(lines[3].contains("42          34 … 50  MB"))
    #expect(lines[3].hasSuffix("≤ 40  MISSED: above 40.0"))
    #expect(lines.last?.contains("[1] raw: settle_complete + claim") == true)
  }

  @Test(
    "Numbers are short and have separators",
    arguments: [
      (0, "0"), (0.5, "0.5"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (999.6, "1000"), (1_234.5, "1,235"),
      (1_234_567, "1,234,567"), (-1_234, "-1,234"), (.nan, "–"),
    ] as [(Double, String)]
  )
  func numbers(value: Double, text: String) {
    #expect(NumberText.short(value) == text)
  }
}
