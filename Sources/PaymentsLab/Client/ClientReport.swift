package import PaymentsExample

/// What `payments client` prints at the end.
package struct ClientReport: Sendable {
  package struct Outcome: Sendable {
    /// What was seen last; nil: it was never accepted.
    package var status: PaymentStatus?
    /// From the first request to the answer; nil: there was none.
    package var accepted: Duration?
    /// From the first request to a final status, or to giving up.
    package var final: Duration
    /// Requests that had to be repeated.
    var retries = 0
    /// The HTTP status of a refusal for good.
    var refusal: UInt?
  }

  package let outcomes: [Outcome]
  package let elapsed: Duration

  package init(outcomes: [Outcome], elapsed: Duration) {
    self.outcomes = outcomes
    self.elapsed = elapsed
  }

  /// Every payment is final.
  package var isRight: Bool {
    outcomes.allSatisfy { $0.status?.isFinal ?? false }
  }

  package var lines: [String] {
    let names = outcomes.map { outcome in
      outcome.status?.rawValue ?? outcome.refusal.map { "refused with \($0)" } ?? "no answer"
    }
    let counts = Dictionary(grouping: names, by: \.self).mapValues(\.count)
    let statuses = TextTable(
      header: ["status", "payments"],
      rows: counts.sorted { $0.key < $1.key }.map { [$0.key, String($0.value)] }
    )
    let accepted = outcomes.compactMap(\.accepted)
    let final = outcomes.filter { $0.status?.isFinal ?? false }.map(\.final)
    let latencies = TextTable(
      header: ["until", "p50", "p99", "longest"],
      rows: [["accepted"] + Self.texts(accepted), ["final"] + Self.texts(final)]
    )
    let seconds = elapsed / .seconds(1)
    let rate = seconds > 0 ? Int((Double(outcomes.count) / seconds).rounded()) : 0
    return statuses.lines + [""] + latencies.lines + [
      "",
      "\(outcomes.count) payments in \(Self.text(elapsed)), \(rate) per second; "
        + "\(outcomes.reduce(0) { $0 + $1.retries }) requests were repeated.",
    ]
  }

  private static func texts(_ durations: [Duration]) -> [String] {
    [0.5, 0.99, 1].map { percentile(durations, $0).map(text) ?? "-" }
  }

  private static func text(_ duration: Duration) -> String {
    let milliseconds = duration / .milliseconds(1)
    if milliseconds < 10_000 { return "\(Int(milliseconds.rounded())) ms" }
    return "\(Int((milliseconds / 1000).rounded())) s"
  }

  /// The smallest value that at least the given share of the values doesn't exceed.
  static func percentile(_ durations: [Duration], _ quantile: Double) -> Duration? {
    let sorted = durations.sorted()
    guard !sorted.isEmpty else { return nil }
    let rank = Int((quantile * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}
