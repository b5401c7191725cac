/// Everything that the simulated provider knows, as `GET /v1/ledger` shows it.
struct ProviderBooks: Codable, Sendable {
  var payments: [ProviderLedgerEntry]
  var callbacks: CallbackCounts
  /// How many requests met which fate.
  var fates: [String: Int]
}
