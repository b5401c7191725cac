import Synchronization

/// All series of a ``PrometheusMetrics``, by name and labels.
final class PrometheusRegistry: Sendable {
  enum Kind: String, Sendable { case counter, gauge, histogram }

  private struct Family: Sendable {
    let kind: Kind
    let help: String
    /// By their labels as they are shown.
    var series: [String: any PrometheusSeries] = [:]
  }

  private struct State: Sendable {
    var families: [String: Family] = [:]
    var count = 0
  }

  let options: PrometheusOptions
  private let state = Mutex(State())
  private let dropped = PrometheusCounter()

  init(_ options: PrometheusOptions) {
    self.options = options
    var family = Family(
      kind: .counter,
      help: "Instruments that count nothing, as there were too many, or their name is another kind's."
    )
    family.series[""] = dropped
    state.withLock { $0.families["metrics_dropped_total"] = family }
  }

  /// The series of a name and labels; made, if it is new.
  ///
  /// - Parameter label: what its help is known by.
  /// - Returns: nil: there are too many, or the name has another kind already.
  func series(
    _ name: String,
    help label: String,
    _ dimensions: [(String, String)],
    _ kind: Kind,
    _ make: () -> any PrometheusSeries
  ) -> (any PrometheusSeries)? {
    let name = PrometheusName.metric(name)
    let labels = PrometheusName.labels(dimensions, isHistogram: kind == .histogram)
    let series = state.withLock { state -> (any PrometheusSeries)? in
      if let family = state.families[name] {
        guard family.kind == kind else { return nil }
        if let known = family.series[labels] { return known }
      }
      guard state.count < options.maxSeries else { return nil }
      state.count += 1
      let made = make()
      state.families[name, default: Family(kind: kind, help: options.help(of: label))].series[labels] = made
      return made
    }
    if series == nil { dropped.increment(by: 1.0) }
    return series
  }

  func text() -> String {
    let families = state.withLock(\.families)
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(PrometheusName.escapedHelp(family.help))\n# TYPE \(name) \(family.kind.rawValue)\n"
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name, labels, to: &text)
      }
    }
    return text
  }
}
