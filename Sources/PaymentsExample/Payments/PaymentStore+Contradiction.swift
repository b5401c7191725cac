import Libpq

/// Payments that ended without money moved, and whose money moved later at the provider. Their status stays; their order gets no other payment
/// until a person has cleared them.
extension PaymentStore {
  /// Notes it, once: what a person has cleared is not noted again. The caller holds the payment's lock.
  /// - Returns: whether it is new.
  static func contradict(_ id: PaymentID, _ reason: String, in transaction: LibpqTransaction) async throws -> Bool {
    let known = "SELECT FROM payments.payment_event WHERE payment_id = $1 AND kind = 'stopped' AND detail = $2"
    guard try await transaction.query(known, [.id(id), .text(reason)]).rowCount == 0 else { return false }
    _ = try await transaction.query(
      "UPDATE payments.payment SET stop_reason = $2, is_contradicted = true, updated_at = now() WHERE id = $1",
      [.id(id), .text(reason)]
    )
    try await PaymentEventStore.add(.stopped, reason, to: id, by: PaymentActor.provider, in: transaction)
    return true
  }

  /// A person has looked. The caller holds the payment's lock.
  /// - Returns: whether there was anything.
  static func clearContradiction(
    _ id: PaymentID,
    by actor: String,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    let result = try await transaction.query(
      "UPDATE payments.payment SET stop_reason = NULL, is_contradicted = false WHERE id = $1 AND is_contradicted",
      [.id(id)]
    )
    guard result.affectedRows == 1 else { return false }
    try await PaymentEventStore.add(.resumed, "its order may be paid", to: id, by: actor, in: transaction)
    return true
  }
}
