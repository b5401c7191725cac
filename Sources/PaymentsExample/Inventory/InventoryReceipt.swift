/// The answer to an inventory event.
struct InventoryReceipt: Codable, Equatable, Sendable {
  var idempotentKey: String
  /// Path of the payment that it led to.
  var payment: String?

  private enum CodingKeys: String, CodingKey {
    case idempotentKey = "idempotent_key"
    case payment
  }
}
