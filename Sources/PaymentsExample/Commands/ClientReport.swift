/// What `payments client` prints at the end.
struct ClientReport: Sendable {
  struct Outcome: Sendable {
    /// What was seen last; nil: it was never accepted.
    var status: PaymentStatus?
    /// From the first request to the answer; nil: there was none.
    var accepted: Duration?
    /// From the first request to a final status, or to giving up.
    var final: Duration
    /// Requests that had to be repeated.
    var retries = 0
    /// The HTTP status of a refusal for good.
    var refusal: UInt?
  }

  let outcomes: [Outcome]
  let elapsed: Duration

  /// Every payment is final.
  var isRight: Bool {
    self.outcomes.allSatisfy { $0.status?.isFinal ?? false }
  }

  var lines: [String] {
    let names = self.outcomes.map { outcome in
      outcome.status?.rawValue ?? outcome.refusal.map { "refused with \($0)" } ?? "no answer"
    }
    let counts = Dictionary(grouping: names, by: \.self).mapValues(\.count)
    let statuses = TextTable(
      header: ["status", "payments"],
      rows: counts.sorted { $0.key < $1.key }.map { [$0.key, String($0.value)] }
    )
    let accepted = self.outcomes.compactMap(\.accepted)
    let final = self.outcomes.filter { $0.status?.isFinal ?? false }.map(\.final)
    let latencies = TextTable(
      header: ["until", "p50", "p99", "longest"],
      rows: [["accepted"] + Self.texts(accepted), ["final"] + Self.texts(final)]
    )
    let seconds = self.elapsed / .seconds(1)
    let rate = seconds > 0 ? Int((Double(self.outcomes.count) / seconds).rounded()) : 0
    return statuses.lines + [""] + latencies.lines + [
      "",
      "\(self.outcomes.count) payments in \(Self.text(self.elapsed)), \(rate) per second; "
        + "\(self.outcomes.reduce(0) { $0 + $1.retries }) requests were repeated.",
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
