import Libpq
import PaymentsExample

/// Looks whether the ledger is right, again and again while payments are made, from a session of its own.
struct LedgerWatch: Sendable {
  static let shortestPause = Duration.milliseconds(200)
  /// Of the time that a look took, so that looking takes a fifth of a processor at most.
  static let pauses = 4

  let pool: LibpqPool
  let tally: ChaosTally

  /// Until it is cancelled.
  func run() async throws {
    let clock = ContinuousClock()
    while true {
      let start = clock.now
      // No answer while the database is away.
      if let differences = try? await LedgerStore.check(in: pool) {
        tally.change { counts in
          counts.ledgerLooks += 1
          counts.ledgerDifferences += differences.count
        }
      }
      try await clock.sleep(for: max(Self.shortestPause, (clock.now - start) * Self.pauses))
    }
  }
}
