import Libpq
import PaymentsExample

/// The person of a chaos run: cancels what was stopped, again and again until some process answers.
struct ChaosOperator: Sendable {
  /// Between two looks.
  static let pause = Duration.milliseconds(500)

  let servers: [PaymentsClient]
  let pool: LibpqPool

  /// Until it is cancelled.
  func run() async throws {
    var server = 0
    while true {
      // No answer while the database is away.
      for payment in (try? await PaymentStore.stopped(in: pool)) ?? [] {
        server += 1
        try? await servers[server % servers.count].cancel(payment.id)
      }
      try await Task.sleep(for: Self.pause)
    }
  }
}
