import AsyncHTTPClient
import ChildProcesses
import EmbeddedPostgres
import Foundation
import NIOCore
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Chaos")
struct ChaosTests {
  /// By hand: PAYMENTS_CHAOS=5000, PAYMENTS_CHAOS_SEED=7.
  private static func number(_ name: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
  }

  @Test("Killed servers, a crashed database and a hostile provider: every payment is executed exactly once")
  func wholeRun() async throws {
    var settings = ChaosSettings()
    settings.program = ChildCommand.built("payments")
    settings.payments = Self.number("PAYMENTS_CHAOS", 200)
    settings.seed = UInt64(Self.number("PAYMENTS_CHAOS_SEED", 1))
    // No machine crashes here, only processes.
    settings.postgres = ["fsync": "off"]
    settings.baseRetry = .milliseconds(100)
    settings.maxRetry = .seconds(1)
    settings.lease = .seconds(1)
    settings.providerTimeout = .milliseconds(700)
    settings.stallTime = .seconds(1)
    settings.processingTime = .milliseconds(100)
    settings.killPause = .milliseconds(700)...Duration.milliseconds(2000)
    settings.maxKills = 40
    settings.limit = .seconds(300)
    let report = try await ChaosRun(settings: settings).run()
    print(report.lines.joined(separator: "\n"))
    for promise in report.promises { #expect(promise.isKept, "\(promise.name): \(promise.found)") }
    // And it was chaos.
    #expect(report.tally.databaseRestarts == 1)
    #expect(report.tally.switches == 1)
    #expect(Set(report.providers.keys) == Set(ChaosSettings.providers))
    #expect(report.tally.refunds > 0)
    #expect(report.kills.reduce(0, +) >= 3)
    #expect(report.callbacks.forged > 0)
    #expect(report.callbacks.delivered > 0)
    #expect(report.calls > report.effects)
    #expect(report.tally.ledgerLooks >= 5)
    #expect(report.clearingAccounts >= 6, "one in each currency, in each database")
    #expect(report.altered > 0)
  }

  @Test("Each promise is broken by what breaks it")
  func promises() {
    func report(_ change: (inout ChaosReport) -> Void = { _ in }) -> ChaosReport {
      let tally = ChaosTally.Counts(accepted: 2, final: 2)
      var report = ChaosReport(payments: 2, tally: tally, kills: [1, 1], elapsed: .seconds(1))
      report.reconciliation = 0
      report.add(.done, executions: 1)
      change(&report)
      if report.stored == 1 { report.add(.done, executions: 1) }
      return report
    }
    #expect(report().isRight)
    let breaches: [(inout ChaosReport) -> Void] = [
      { $0.add(.processing, executions: 1) }, { $0.add(.done, executions: 0) }, { $0.add(.done, executions: 2) },
      { $0.wronglyExecuted = 1 }, { $0.reconciliation = 1 }, { $0.callbacks.forgedAccepted = 1 }, { $0.tasks = 1 },
      { $0.deadLetters = 1 }, { $0.unsettledEffects = 1 }, { $0.contradictedEffects = 1 }, { $0.forgottenEvents = 1 },
      { $0.ledgerDifferences = 1 }, { $0.openClearingAccounts = 1 },
      { $0.altered = 1 }, { $0.alteredExecuted = 1 },
    ]
    for breach in breaches {
      let broken = report(breach)
      #expect(!broken.isRight)
      #expect(broken.lines.contains { $0.hasSuffix("← BROKEN") })
    }
  }

  @Test("A payment that takes too long sets off the alarm")
  func alarms() async throws {
    let postgres = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    let server = try WorkerProcess(
      name: "A",
      program: ChildCommand.built("payments"),
      arguments: [
        "serve", "--supervised", "--database-url", postgres.connectionString, "--port", "0",
        // Nobody is there.
        "--provider-url", "http://127.0.0.1:1", "--base-retry", "50ms", "--final-within", "100ms",
        "--alarm-period", "100ms", "--log-level", "critical",
      ],
      environment: [SecretOption.callbackSecret: "x"]
    )
    let result: Result<Void, any Error>
    do { result = .success(try await expectAlarm(try await server.port())) } catch { result = .failure(error) }
    await server.stop()
    await postgres.stop()
    try result.get()
  }

  private func expectAlarm(_ port: Int) async throws {
    try await HTTPClient.withHTTPClient { client in
      let url = "http://127.0.0.1:\(port)"
      let new = NewPayment(userId: "u", amount: 1, currency: "EUR", description: "")
      _ = try await PaymentsClient(client: client, baseURL: url).create(new, idempotencyKey: "k")
      try await eventually("the gauges say so") {
        let answer = try await client.execute(HTTPClientRequest(url: "\(url)/metrics"), timeout: .seconds(10))
        let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
        return text.contains(#"taskqueue_overdue{type="payment.init"} 1"#)
      }
    }
  }
}
