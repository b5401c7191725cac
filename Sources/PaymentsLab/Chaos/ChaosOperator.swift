import Libpq
import PaymentsExample

/// The person of a chaos run: cancels what was stopped and has some payments refunded, again and again until some process answers.
struct ChaosOperator: Sendable {
  /// Between two looks.
  static let pause = Duration.milliseconds(500)

  let servers: [PaymentsClient]
  let pool: LibpqPool
  let tally: ChaosTally

  /// Until it is cancelled.
  func run() async throws {
    var server = 0
    while true {
      // No answer while the database is away.
      for payment in (try? await PaymentStore.stopped(in: pool)) ?? [] {
        server += 1
        try? await servers[server % servers.count].cancel(payment.id)
      }
      for id in (try? await refundable()) ?? [] {
        server += 1
        if (try? await servers[server % servers.count].refund(id)) != nil { tally.change { $0.refunds += 1 } }
      }
      try await Task.sleep(for: Self.pause)
    }
  }

  private func refundable() async throws -> [PaymentID] {
    try await pool.query(
      """
      SELECT id FROM payments.payment p
      WHERE status = 'DONE' AND split_part(order_id, '-', 2)::integer % $1 = 0
        AND NOT EXISTS (SELECT FROM payments.refund r WHERE r.payment_id = p.id)
      LIMIT 10
      """,
      [.int4(Int32(ChaosSettings.refundPeriod))]
    ).rows.map { try $0.id(0) }
  }
}
