/// Everything that the simulated provider knows, as `GET /v1/ledger` shows it.
struct ProviderBooks: Codable, Sendable {
  var payments: [ProviderLedgerEntry]
  var callbacks: CallbackCounts
  /// How many requests met which fate.
  var fates: [String: Int]
}

/// What became of the simulated provider's callbacks.
struct CallbackCounts: Codable, Equatable, Sendable {
  /// Callbacks with a good signature that were answered 2xx.
  var delivered = 0
  /// Callbacks with a bad signature that were sent.
  var forged = 0
  /// Of those, answered 2xx: has to stay 0.
  var forgedAccepted = 0

  mutating func add(_ other: Self) {
    delivered += other.delivered
    forged += other.forged
    forgedAccepted += other.forgedAccepted
  }
}
