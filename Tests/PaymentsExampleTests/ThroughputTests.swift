import ChildProcesses
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Throughput")
struct ThroughputTests {
  @Test(
    "A small run measures all three rates, and what a payment costs: few statements, and at most 4 commits",
    .timeLimit(.minutes(5))
  )
  func smallRun() async throws {
    let run = ThroughputRun(payments: 400, rounds: 1, concurrency: 16, program: ChildCommand.built("payments"))
    let report = try await run.run()
    #expect(report.rounds.count == 1)
    for round in report.rounds {
      #expect(round.accepted > 0)
      #expect(round.executed > 0)
      #expect(round.bare > 0)
    }
    // From the request to the end, at a provider that answers at once.
    let cost = try #require(report.cost)
    #expect(cost.statements > 5 && cost.statements <= 13, "\(cost.line)")
    // Two transactions of the request's own, and what payments share.
    #expect(cost.commits > 0.5 && cost.commits <= 4, "\(cost.line)")
  }

  @Test("The table shows medians, spreads and ratios")
  func table() {
    let rounds = [(50.0, 20.0, 90.0), (60, 30, 100), (70, 10, 110)]
    let report = ThroughputReport(rounds: rounds.map { .init(accepted: $0.0, executed: $0.1, bare: $0.2) })
    #expect(report.lines.contains { $0.contains("POST /payments") && $0.contains("60") && $0.hasSuffix("60%") })
    #expect(report.lines.contains { $0.contains("10 … 30") && $0.hasSuffix("20%") })
  }

  @Test("The rate is found in what pgbench of any version prints")
  func pgbenchOutput() {
    let new = "latency average = 1 ms\ninitial connection time = 3 ms\ntps = 1234.5 (without initial connection time)\n"
    #expect(PgbenchRun.rate(new) == 1234.5)
    let old = "tps = 10.5 (including connections establishing)\ntps = 11.5 (excluding connections establishing)\n"
    #expect(PgbenchRun.rate(old) == 11.5)
    #expect(PgbenchRun.rate("nothing") == nil)
  }
}
