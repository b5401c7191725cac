import Foundation
import Libpq
import SeededRandom
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Events and dying processes", .serialized)
struct OutboxKillTests {
  @Test("Whatever is killed and whenever, every event arrives, in order per payment", arguments: [1, 2] as [UInt64])
  func randomKills(seed: UInt64) async throws {
    let receiver = EventReceiver.hostile(seed: seed)
    let faults = ProviderFaults(errorAfterWork: 0.1, lostResponse: 0.1, processingTime: .milliseconds(50))
    try await KillFixture.with(faults, seed: seed) { fixture in
      try await receiver.running { url in
        let payments = try await payUnderKills(fixture, url, seed: seed)
        #expect(payments.count == 40)
        for payment in payments { receiver.expectAll(of: payment) }
      }
    }
  }

  /// - Returns: what was paid while processes died, and all of it is final and published.
  private func payUnderKills(_ fixture: KillFixture, _ url: String, seed: UInt64) async throws -> [Payment] {
    var generator = SeededGenerator(seed: seed)
    var payments: [Payment] = []
    var process = try Self.serve(fixture, url)
    _ = try await process.port()
    for round in 1...5 {
      for number in 1...8 {
        let new = PaymentsFixture.newPayment(round * 100 + number)
        payments.append(
          try await fixture.store.pool.withTransaction { transaction in
            try await PaymentCreation(client: TaskClient(store: fixture.store)).create(new, in: transaction)
          }
        )
      }
      // Anywhere in its work: nothing is waited for but time.
      try await Task.sleep(for: .milliseconds(Int.random(in: 20...600, using: &generator)))
      _ = await process.killAndWait()
      process = try Self.serve(fixture, url)
      if Bool.random(using: &generator) { _ = try await process.port() }
    }
    try await eventually("all payments are final and all events published", within: .seconds(90)) {
      try await fixture.store.pool.query(
        """
        SELECT NOT EXISTS (SELECT FROM payments.payment WHERE status <> 'DONE')
          AND NOT EXISTS (SELECT FROM payments.outbox WHERE published_at IS NULL)
        """
      )[0].bool(0)
    }
    _ = await process.killAndWait()
    return payments
  }

  private static func serve(_ fixture: KillFixture, _ url: String) throws -> WorkerProcess {
    try fixture.serve(
      [
        "--webhook-url", url, "--webhook-timeout", "300ms", "--webhook-retry", "50ms", "--max-webhook-retry",
        "200ms",
      ],
      environment: [OutboxOptions.secretName: EventReceiver.secret]
    )
  }
}
