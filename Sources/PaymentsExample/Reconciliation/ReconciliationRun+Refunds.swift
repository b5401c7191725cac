import Foundation
import Libpq

extension ReconciliationRun {
  /// The refunds and disputes of both books that the window is about: ours made in it, all of payments made in it, and those of ours that
  /// are still open, whenever they began.
  ///
  /// One question each for refunds and disputes, for each payment that we or the provider say has some; for each `DONE` one, if the
  /// provider doesn't say it with the payment. What can't be read is left out, and in `unread`.
  func refunds(
    _ window: Range<Date>,
    _ payments: [Payment],
    _ entries: [ProviderPayment],
    _ unread: inout [Unread]
  ) async throws -> [PaymentRefunds] {
    let known = payments + (try await refundedBefore(window))
    let elsewhere = known.filter { !window.contains($0.createdAt) }
    let ours = Dictionary(grouping: try await ownRefunds(window, elsewhere), by: \.paymentId)
    var all: [PaymentRefunds] = known.compactMap { payment in
      guard let refunds = ours[payment.id] else { return nil }
      return PaymentRefunds(
        payment: payment,
        providerId: payment.providerId,
        currency: payment.currency,
        ours: refunds,
        theirs: []
      )
    }
    let listed = Set(all.compactMap(\.providerId))
    var owners: [String: Payment] = [:]
    for payment in known { if let id = payment.providerId { owners[id] = payment } }
    let confirmed = try await confirmedPast(window)
    for entry in entries where !listed.contains(entry.id) {
      let owner = owners[entry.id]
      let mayHave = entry.refunded != 0 || entry.disputed != 0 || owner.map { confirmed.contains($0.id) } == true
      // Of others there is nothing to take back; what the provider says all the same is looked at.
      let isMoved = [.done, .returned].contains(entry.status)
      guard isMoved ? mayHave : entry.saysTakenBack else { continue }
      guard let currency = entry.currency ?? owner?.currency else { continue }
      all.append(PaymentRefunds(payment: owner, providerId: entry.id, currency: currency, ours: [], theirs: []))
    }
    let theirs = try await theirRefunds(all.compactMap(\.providerId), &unread)
    let byId = Dictionary(entries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for index in all.indices {
      // Nothing to compare ours with.
      if theirs == nil { all[index].ours = [] }
      guard let id = all[index].providerId else { continue }
      all[index].theirs = theirs?[id] ?? []
      (all[index].refunded, all[index].disputed) = (byId[id]?.refunded, byId[id]?.disputed)
    }
    let hidden = Set(unread.map(\.name))
    return all.filter { $0.providerId.map(hidden.contains) != true }
  }

  /// nil: the provider knows neither refunds nor disputes.
  private func theirRefunds(_ ids: [String], _ unread: inout [Unread]) async throws -> [String: [ProviderRefund]]? {
    let provider = provider
    let pairs: [(String, [ProviderRefund]?)] = try await asked(ids, &unread) { id in
      do {
        return [(id, try await provider.takenBack(paymentId: id))]
      } catch let error as ProviderError where error.code == .unknownPayment {
        return []
      }
    }
    guard pairs.allSatisfy({ $0.1 != nil }) else { return nil }
    return Dictionary(pairs.map { ($0.0, $0.1 ?? []) }, uniquingKeysWith: { first, _ in first })
  }

  /// Payments of the window that comparisons found refunds or disputes of, past us. They may be undone by now.
  private func confirmedPast(_ window: Range<Date>) async throws -> Set<PaymentID> {
    let result = try await database.query(
      """
      SELECT DISTINCT t.payment_id FROM payments.transfer t JOIN payments.payment p ON p.id = t.payment_id
      WHERE p.created_at >= $1 AND p.created_at < $2 AND t.refund_id IS NULL AND t.book NOT LIKE 'payment:%' LIMIT $3
      """,
      [.timestamptz(window.lowerBound), .timestamptz(window.upperBound), .int8(Int64(Self.maxPayments) + 1)]
    )
    try checkSize(result.rowCount)
    return Set(try result.rows.map { try $0.id(0) })
  }

  /// All refunds of ours of the window's payments, and of those made elsewhere.
  private func ownRefunds(_ window: Range<Date>, _ elsewhere: [Payment]) async throws -> [Refund] {
    let columns = RefundStore.columns.split(separator: ", ").map { "r.\($0)" }.joined(separator: ", ")
    let limit = LibpqValue.int8(Int64(Self.maxPayments) + 1)
    var result = try await database.query(
      """
      SELECT \(columns) FROM payments.refund r JOIN payments.payment p ON p.id = r.payment_id
      WHERE p.created_at >= $1 AND p.created_at < $2 AND p.provider = $4 LIMIT $3
      """,
      [.timestamptz(window.lowerBound), .timestamptz(window.upperBound), limit, .text(providerName)]
    )
    try checkSize(result.rowCount)
    var refunds = try result.rows.map { try RefundStore.refund($0) }
    for start in stride(from: 0, to: elsewhere.count, by: Self.pageSize) {
      let page = elsewhere[start..<min(start + Self.pageSize, elsewhere.count)]
      result = try await database.query(
        "SELECT \(RefundStore.columns) FROM payments.refund WHERE payment_id = ANY ($1) LIMIT $2",
        [.ids(page.map(\.id)), limit]
      )
      refunds += try result.rows.map { try RefundStore.refund($0) }
      try checkSize(refunds.count)
    }
    return refunds.sorted { ($0.createdAt, $0.id.description) < ($1.createdAt, $1.id.description) }
  }

  /// Payments of other times that something was paid back of in the window, or is still to be decided.
  private func refundedBefore(_ window: Range<Date>) async throws -> [Payment] {
    let payments = try await PaymentStore.all(
      """
      SELECT \(PaymentStore.columns) FROM payments.payment
      WHERE id IN (
          SELECT payment_id FROM payments.refund WHERE created_at >= $1 AND created_at < $2
          UNION ALL SELECT payment_id FROM payments.refund WHERE status NOT IN ('DONE', 'FAILED', 'WON', 'LOST'))
        AND NOT (created_at >= $1 AND created_at < $2) AND provider = $4
      LIMIT $3
      """,
      [
        .timestamptz(window.lowerBound), .timestamptz(window.upperBound), .int8(Int64(Self.maxPayments) + 1),
        .text(providerName),
      ],
      in: database
    )
    try checkSize(payments.count)
    return payments
  }
}
