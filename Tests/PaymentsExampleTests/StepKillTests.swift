import Foundation
import Libpq
import SeededRandom
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

  @Test(
    "Wherever a flow is when its process dies, forwards or backwards, it goes on there",
    arguments: [1, 2] as [UInt64]
  )
  func killedAnywhere(seed: UInt64) async throws {
    var generator = SeededGenerator(seed: seed)
    let verdicts = Mutex(SeededGenerator(seed: seed + 100))
    let services = ServiceSimulator(
      logger: Log.quiet("test"),
      decide: { _ in
        let isRejected = verdicts.withLock { Int.random(in: 0..<5, using: &$0) == 0 }
        return isRejected ? StepAnswer(verdict: .rejected, reason: "No.") : .passed
      }
    )
    try await KillFixture.with(ProviderFaults(lostResponse: 0.1, cancel: 0.2, processingTime: .milliseconds(20))) {
      fixture in
      try await services.running { url in
        var process = try fixture.serve(Self.arguments(url))
        let api = try await fixture.api(process)
        var payments: [Payment] = []
        for number in 1...16 {
          var new = PaymentsFixture.newPayment(number)
          new.orderId = "order-\(number)"
          payments.append(try await api.create(new, idempotencyKey: "k\(number)"))
        }
        for _ in 1...10 {
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...80, using: &generator)))
          _ = await process.killAndWait()
          process = try fixture.serve(Self.arguments(url))
          _ = try await process.port()
        }
        try await fixture.settle()
        await process.stop()
        let last = try fixture.serve(Self.arguments(url))
        let books = try await fixture.api(last)
        for payment in payments {
          try SagaStory(try await books.payment(payment.id), services, fixture.provider).check(StepName.allCases)
        }
        await last.stop()
        #expect(try await fixture.store.pool.query("SELECT FROM taskqueue.dead_letter").rowCount == 0)
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
