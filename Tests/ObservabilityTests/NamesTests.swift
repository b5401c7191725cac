import Foundation
import Testing

@testable import TaskQueue
@testable import TaskQueueConfiguration
@testable import TaskQueueTracing

@Suite("Every name that the library gives stands in one table")
struct NamesTests {
  private static let documentation = "docs/observability.md"
  private static let libraries = [
    "TaskQueue", "TaskQueuePostgres", "TaskQueueInMemory", "TaskQueueTracing", "Outbox", "TaskQueueHTTP",
  ]

  @Test("Metrics: name, kind, labels and unit are those of the table, in both directions")
  func metrics() throws {
    let rows = try Repository.table(in: Self.documentation, below: "## Metrics").map { Array($0.prefix(4)) }
    let code = MetricName.all.map { metric in
      let isTime = metric.kind == .timer || metric.label.contains("_seconds")
      return [
        metric.label, metric.kind.rawValue, metric.dimensions.joined(separator: ", "), isTime ? "seconds" : "count",
      ]
    }
    #expect(Set(rows) == Set(code))
    #expect(rows.count == code.count, "each once")
  }

  @Test("Metrics: each is in the list of all, used, and made in one place only")
  func metricsInCode() throws {
    let sources = try Repository.sources(Self.libraries)
    let list = try #require(sources.first { $0.path.hasSuffix("Observability/MetricName.swift") }).text
    let declared = list.matches(of: /static let (\w+) = MetricName\(/).map { String($0.1) }
    #expect(declared.count == MetricName.all.count)
    #expect(Set(MetricName.all.map(\.label)).count == declared.count)
    for name in declared {
      let uses = sources.filter { source in
        !source.path.hasSuffix("MetricName.swift")
          && (source.text.contains("MetricName.\(name)") || source.text.contains("Set(.\(name))"))
      }
      #expect(!uses.isEmpty, "\(name) is told nowhere")
    }
    for source in sources where !source.path.hasSuffix("MetricName.swift") {
      let namesNone = !source.text.contains("\"taskqueue_")
      #expect(namesNone, "\(source.path) names a metric by itself")
      guard !source.path.hasSuffix("MetricName+Instruments.swift") else { continue }
      let makesNone = !source.text.contains(/\b(Counter|Gauge|Timer|Recorder|Meter)\(label:/)
      #expect(makesNone, "\(source.path) makes an instrument by itself")
    }
  }

  @Test("Log keys are those of the table, in both directions, and written in one place only")
  func logKeys() throws {
    let rows = try Repository.table(in: Self.documentation, below: "## Logs").map { $0[0] }
    let sources = try Repository.sources(Self.libraries)
    let keys = try #require(sources.first { $0.path.hasSuffix("LogKey.swift") }).text
      .matches(of: /package static let (\w+) = "(\w+)"/).map { (name: String($0.1), key: String($0.2)) }
    #expect(Set(rows) == Set(keys.map(\.key)))
    #expect(rows.count == keys.count)
    for key in keys {
      let isUsed = sources.contains { $0.text.contains("LogKey.\(key.name)") }
      #expect(isUsed, "\(key.name) is used nowhere")
    }
    for source in sources {
      let isClean = !source.text.contains(/metadata(: \[|Key: |\[)\s*"/)
      #expect(isClean, "\(source.path) names a log key by itself")
    }
  }

  @Test("Spans and their attributes are those of the tables, in both directions")
  func spans() throws {
    let spans = try Repository.table(in: Self.documentation, below: "## Traces").map { $0[0] }
    #expect(Set(spans) == Set(SpanName.allCases.map(\.rawValue)))
    let attributes = try Repository.table(in: Self.documentation, below: "Names and attributes are those of").map {
      $0[0]
    }
    #expect(Set(attributes) == Set(SpanAttributeName.allCases.map(\.rawValue)))
    #expect(spans.count == SpanName.allCases.count && attributes.count == SpanAttributeName.allCases.count)
    for source in try Repository.sources(["TaskQueueTracing"]) where !source.path.hasPrefix("SpanAttributeName") {
      #expect(!source.text.contains("\"messaging."), "\(source.path) names an attribute by itself")
    }
  }

  @Test(
    "Configuration keys are those of the tables, in both directions, with the names that the environment has for them"
  )
  func configurationKeys() throws {
    let path = "docs/configuration.md"
    let headings = ["## A worker", "## A store", "## Its connections", "## Retention", "## Alarms"]
    let rows = try headings.flatMap { try Repository.table(in: path, below: $0) }
    #expect(Set(rows.map { $0[0] }) == Set(ConfigurationKey.allCases.map(\.rawValue)))
    #expect(rows.count == ConfigurationKey.allCases.count)
    for row in rows {
      let words = row[0].replacing(/([a-z])([A-Z])/) { "\($0.1)_\($0.2)" }.replacing(".", with: "_").uppercased()
      #expect(row[2] == "TASKQUEUE_\(words)")
    }
  }
}
