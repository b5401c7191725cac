/// What `payments throughput` measured.
package struct ThroughputReport: Sendable {
  struct Round: Sendable {
    /// Payments accepted by the API per second, with nothing else going on.
    var accepted: Double
    /// Payments from accepted to DONE per second, with no more of them coming.
    var executed: Double
    /// The same inserts by pgbench, per second.
    var bare: Double
  }

  var rounds: [Round] = []
  /// With work going on while payments come in.
  var cost: PaymentCost?

  package var lines: [String] {
    let bare = Self.median(rounds.map(\.bare))
    func row(_ name: String, _ values: [Double]) -> [String] {
      let median = Self.median(values)
      let spread = "\(Self.text(values.min() ?? 0)) … \(Self.text(values.max() ?? 0))"
      return [name, Self.text(median), spread, bare > 0 ? String(Int((median / bare * 100).rounded())) + "%" : "-"]
    }
    return TextTable(
      header: ["", "per second", "rounds", "of the bare limit"],
      rows: [
        row("POST /payments", rounds.map(\.accepted)),
        row("payments executed", rounds.map(\.executed)),
        row("the same inserts by pgbench", rounds.map(\.bare)),
      ]
    ).lines + (cost.map { ["", $0.line] } ?? [])
  }

  static func median(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  private static func text(_ value: Double) -> String {
    String(Int(value.rounded()))
  }
}
