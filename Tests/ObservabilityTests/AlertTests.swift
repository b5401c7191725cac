import Foundation
import Testing

@testable import TaskQueue

@Suite("Alerts and the dashboard ask for what there is")
struct AlertTests {
  private static let directory = Repository.root.appending(path: "observability")

  /// What Prometheus has of the library's metrics, as `TaskQueuePrometheus` names them.
  private static let exposed: Set<String> = {
    var names: Set<String> = ["metrics_dropped_total"]
    for metric in MetricName.all {
      switch metric.kind {
      case .counter, .gauge: names.insert(metric.label)
      case .timer: for end in ["bucket", "sum", "count"] { names.insert("\(metric.label)_seconds_\(end)") }
      case .recorder: for end in ["bucket", "sum", "count"] { names.insert("\(metric.label)_\(end)") }
      }
    }
    return names
  }()

  private func names(in text: String) -> Set<String> {
    Set(text.matches(of: /\b(?:taskqueue_[a-z_]+|metrics_[a-z_]+)\b/).map { String($0.output) })
  }

  @Test("The rules are well-formed, and fire when they are to and only then")
  func rules() async throws {
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
      let output = try await Promtool.run(arguments, in: Self.directory)
      #expect(output.status == 0, "\(output.text)")
    }
  }

  @Test("Each alert is tested and explained, and asks for metrics that there are")
  func alerts() throws {
    let rules = try Repository.text("observability/alerts.yml")
    let tests = try Repository.text("observability/alerts_test.yml")
    let alerts = rules.matches(of: /- alert: (\w+)/).map { String($0.1) }
    #expect(alerts.count > 10 && Set(alerts).count == alerts.count)
    let explained = try Repository.table(in: "docs/observability.md", below: "## Alerts").flatMap { row in
      row[0].matches(of: /TaskQueue\w+/).map { String($0.output) }
    }
    #expect(Set(explained) == Set(alerts) && explained.count == alerts.count)
    for alert in alerts {
      #expect(tests.contains("alertname: \(alert)\n        exp_alerts"), "\(alert) is never seen to fire")
    }
    let unknown = names(in: rules).subtracting(Self.exposed)
    #expect(unknown.isEmpty, "\(unknown)")
  }

  private struct Board: Decodable {
    struct Target: Decodable { var expr: String }
    struct Panel: Decodable {
      var id: Int
      var title: String
      var type: String
      var targets: [Target]?
    }
    var uid: String
    var panels: [Panel]
  }

  @Test("The dashboard is well-formed; each of its queries can be read, and asks for metrics that there are")
  func dashboard() async throws {
    let text = try Repository.text("observability/grafana-dashboard.json")
    let board = try JSONDecoder().decode(Board.self, from: Data(text.utf8))
    #expect(Set(board.panels.map(\.id)).count == board.panels.count)
    let graphs = board.panels.filter { $0.type != "row" }
    #expect(graphs.count > 15 && graphs.allSatisfy { $0.targets?.isEmpty == false && !$0.title.isEmpty })
    let expressions = graphs.flatMap { $0.targets ?? [] }.map(\.expr)
    let asked = names(in: text)
    #expect(asked.subtracting(Self.exposed).isEmpty, "\(asked.subtracting(Self.exposed))")
    let shown = Set(MetricName.all.filter { metric in asked.contains { $0.hasPrefix(metric.label) } }.map(\.label))
    let missing = Set(MetricName.all.map(\.label)).subtracting(shown)
    // The alarms' gauges and the batches of an app that has some are for boards of its own.
    #expect(
      missing.isSubset(of: [
        "taskqueue_overdue", "taskqueue_effects_oldest_seconds", "taskqueue_batch_size",
        "taskqueue_retention_dropped_total",
      ]),
      "\(missing)"
    )
    // Grafana's own variables, as it would put them in.
    let rules = expressions.enumerated().map { index, expression in
      let query = expression.replacing("$__rate_interval", with: "5m").replacing("$queue", with: ".*")
        .replacing("$type", with: ".*")
      return "  - {record: \"query:\(index)\", expr: '\(query)'}"
    }
    let file = FileManager.default.temporaryDirectory.appending(path: "board-\(UUID().uuidString).yml")
    defer { try? FileManager.default.removeItem(at: file) }
    try "groups:\n- name: board\n  rules:\n\(rules.joined(separator: "\n"))\n".write(
      to: file,
      atomically: true,
      encoding: .utf8
    )
    let output = try await Promtool.run(["check", "rules", file.path])
    #expect(output.status == 0 && output.text.contains("\(expressions.count) rules found"), "\(output.text)")
  }
}
