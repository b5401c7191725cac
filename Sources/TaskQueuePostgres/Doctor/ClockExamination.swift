import Libpq

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// This machine's clock beside the database's.
struct ClockExamination: Examination {
  static let name = "clocks"
  static let needsSchema = false
  /// The best of some round trips: one alone may be slow.
  private static let attempts = 3

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    var best: (skew: Double, unknown: Double)?
    for _ in 0..<Self.attempts {
      let before = patient.now()
      let server = try await patient.connection.query("SELECT clock_timestamp()")[0].timestamptz(0)
      let after = patient.now()
      let half = after.timeIntervalSince(before) / 2
      if half <= best?.unknown ?? .infinity { best = (before.timeIntervalSince(server) + half, half) }
    }
    guard let best, abs(best.skew) - max(0, best.unknown) > patient.thresholds.clockSkew.seconds else { return [] }
    let direction = best.skew > 0 ? "ahead of" : "behind"
    return [
      DoctorFinding(
        .clockSkew,
        .warning,
        "clock",
        what: """
          This machine's clock is \(DoctorText.span(abs(best.skew))) \(direction) the database's. Leases and due times follow the database's; instants \
          that programs compute (.at, deadlines) are off by as much.
          """,
        advice: "Let both machines follow the same time servers.",
        cure: ["timedatectl timesync-status || chronyc tracking   # on both machines"]
      )
    ]
  }
}
