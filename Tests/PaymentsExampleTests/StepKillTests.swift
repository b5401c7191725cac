import Foundation
import Synchronization
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Steps and dying processes", .serialized)
struct StepKillTests {
  /// A process that is killed once.
  private final class Victim: Sendable {
    private let process = Mutex<WorkerProcess?>(nil)
    private let isKilled = Mutex(false)

    var isDead: Bool { isKilled.withLock { $0 } }

    func choose(_ process: WorkerProcess) {
      self.process.withLock { $0 = process }
    }

    func die() async {
      guard let process = self.process.withLock({ $0.take() }) else { return }
      _ = await process.killAndWait()
      isKilled.withLock { $0 = true }
    }
  }

  @Test(
    "A step isn't done again by a restart: SIGKILL between the call and its record, and one more start at the end",
    arguments: StepName.allCases
  )
  func killedBetweenCallAndRecord(step: StepName) async throws {
    let victim = Victim()
    // Knows no idempotency. What it does is done when the caller dies, and the caller never hears of it.
    let services = ServiceSimulator(
      logger: Log.quiet("test"),
      afterWork: { request in if request.step == step { await victim.die() } }
    )
    try await KillFixture.with { fixture in
      try await services.running { url in
        let first = try fixture.serve(Self.arguments(url))
        let api = try await fixture.api(first)
        victim.choose(first)
        var new = PaymentsFixture.newPayment()
        new.orderId = "order-1"
        // Killed in the middle of it, or just after: its key tells.
        _ = try? await api.create(new, idempotencyKey: "killed")
        try await eventually("the process is killed") { victim.isDead }
        let second = try fixture.serve(Self.arguments(url))
        let payment = try await fixture.api(second).create(new, idempotencyKey: "killed")
        try await fixture.settle()
        await second.stop()
        try await restart(fixture, url)
        #expect(services.log(payment) == ["account", "fraud", "order", "delivery"])
        #expect(fixture.provider.ledger.executions(reference: payment.reference) == 1)
        let history = try await PaymentEventStore.list(payment.id, in: fixture.store.pool)
        #expect(history.filter { $0.kind == .stepPassed }.map(\.detail) == ["account", "fraud", "order", "delivery"])
      }
    }
  }

  private func restart(_ fixture: KillFixture, _ url: String) async throws {
    let process = try fixture.serve(Self.arguments(url))
    _ = try await process.port()
    try await fixture.settle()
    await process.stop()
  }

  private static func arguments(_ url: String) -> [String] {
    [
      "--account-url", url, "--fraud-url", url, "--order-url", url, "--delivery-url", url, "--service-timeout", "500ms",
    ]
  }
}
