import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  /// Time that is shown, in minutes, and how many of them are a bar.
  static let spans: [(name: String, minutes: Int, bar: Int)] = [
    ("1 hour", 60, 1), ("6 hours", 360, 3), ("24 hours", 1_440, 10),
  ]

  func throughput(_ visit: Visit) async throws -> Page {
    let span = Self.spans.first { "\($0.minutes)" == visit.query["minutes"] } ?? Self.spans[0]
    let all = try await reads.throughput(of: .seconds(span.minutes * 60), limit: 10_000)
    let chart = MinuteChart(all, minutes: span.minutes, until: visit.now)
    // The store's time begins within a minute, of which the chart shows nothing.
    let counts = all.filter { $0.minute >= chart.first }
    let byType = Dictionary(grouping: counts) { [$0.queue.rawValue, $0.type.rawValue] }
    let lines = byType.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { name, counts -> Fields in
      let own = MinuteChart(counts, minutes: span.minutes, until: visit.now)
      let outcomes = Dictionary(grouping: counts, by: \.outcome).mapValues { $0.reduce(0) { $0 + $1.attempts } }
      return [
        "queue": name[0], "type": name[1], "attempts": Wording.count(own.total), "failed": Wording.count(own.bad),
        "hasFailed": own.bad > 0, "rate": own.rate,
        "outcomes": outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { outcome, count -> Fields in
          ["name": outcome, "count": Wording.count(count), "isBad": MinuteChart.badOutcomes.contains(outcome)]
        },
        "spark": own.grouped(by: span.bar).fields(height: 22, label: "\(name[1]) in \(name[0])"),
        "href": visit.link("/tasks", ["queue": name[0], "type": name[1]]),
      ]
    }
    let bars = chart.grouped(by: span.bar)
    return Page(
      "throughput",
      "Throughput",
      in: .throughput,
      [
        "chart": bars.fields(height: 120, label: "Attempts of the last \(span.name)"),
        "total": Wording.count(chart.total),
        "failed": Wording.count(chart.bad), "rate": chart.rate, "hasFailed": chart.bad > 0, "span": span.name,
        "barWords": span.bar == 1 ? "a minute" : "\(span.bar) minutes", "lines": lines, "hasLines": !lines.isEmpty,
        "isCut": all.count == 10_000,
        "spans": Self.spans.map { other -> Fields in
          [
            "name": other.name, "href": visit.link("/throughput", ["minutes": "\(other.minutes)"]),
            "isCurrent": other.minutes == span.minutes,
          ]
        },
      ]
    )
  }
}
