/// What `payments client` prints at the end.
struct ClientReport: Sendable {
  struct Outcome: Sendable {
    var status: PaymentStatus
    /// From the request to its answer.
    var accepted: Duration
    /// From the request to a final status, or to giving up.
    var final: Duration
  }

  let outcomes: [Outcome]

  var lines: [String] {
    let counts = Dictionary(grouping: self.outcomes, by: \.status.rawValue).mapValues(\.count)
    return counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } + [
      "accepted: p50 \(Self.text(self.outcomes.map(\.accepted), 0.5)), p99 \(Self.text(self.outcomes.map(\.accepted), 0.99))",
      "final: p50 \(Self.text(self.outcomes.map(\.final), 0.5)), p99 \(Self.text(self.outcomes.map(\.final), 0.99))",
    ]
  }

  private static func text(_ durations: [Duration], _ quantile: Double) -> String {
    percentile(durations, quantile).map { "\(Int($0 / .milliseconds(1))) ms" } ?? "-"
  }

  /// The smallest value that at least the given share of the values doesn't exceed.
  static func percentile(_ durations: [Duration], _ quantile: Double) -> Duration? {
    let sorted = durations.sorted()
    guard !sorted.isEmpty else { return nil }
    let rank = Int((quantile * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}
