import Foundation

/// One line of the simulated provider's books.
struct ProviderLedgerEntry: Codable, Equatable, Sendable {
  var id: String
  var reference: String
  var userId: String
  /// In minor units.
  var amount: Int64
  var currency: String
  var status: ProviderStatus
  var createdAt: Date
  /// How often money moved: 0 or 1 by the provider's own rules.
  var executions: Int
  /// How often `execute` was asked for.
  var executeRequests: Int
  var refunds: [ProviderRefund] = []

  /// In minor units.
  var refunded: Int64 { self.refunds.reduce(0) { $0 + $1.amount } }
}
