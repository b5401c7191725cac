import HTTPTypes
package import Hummingbird
import PaymentsExample
import Synchronization

extension ProviderSimulator {
  package func cancel(id: String) async throws -> Response {
    guard let reference = self.entry(id)?.reference else { return try Self.unknownPayment() }
    return try await answer("cancel", reference: reference) {
      switch state.withLock({ $0.ledger.cancel(id: id) }) {
      case .unknownPayment: return try Self.unknownPayment()
      case .done(let entry), .repeated(let entry): return try Self.response(.ok, entry)
      case .refused: return try Self.problem(.conflict, "The payment can't be cancelled any more.")
      }
    }
  }

  func refund(id: String, _ request: Request) async throws -> Response {
    guard let reference = entry(id)?.reference else { return try Self.unknownPayment() }
    guard let body = await Self.body(RefundBody.self, of: request), !body.reference.isEmpty, body.amount > 0 else {
      return try Self.problem(.badRequest, "A refund needs reference and amount.")
    }
    return try await answer("refund", reference: reference) {
      switch state.withLock({ $0.ledger.refund(id: id, reference: body.reference, amount: body.amount) }) {
      case .unknownPayment: return try Self.unknownPayment()
      case .done(let refund):
        schedule(.refundFailed, faults.refundFailure, "\(subject(reference))|\(entry(id)?.refunds.count ?? 0)", id)
        return try JSONResponse.make(.created, refund)
      case .repeated(let refund): return try JSONResponse.make(.ok, refund)
      case .refused: return try Self.problem(.conflict, "The payment isn't done, or less of it is left.")
      }
    }
  }

  func refunds(id: String) async throws -> Response {
    guard let reference = entry(id)?.reference else { return try Self.unknownPayment() }
    return try await answer("refunds", reference: reference) {
      try JSONResponse.make(.ok, ProviderRefundList(refunds: entry(id)?.refunds ?? []))
    }
  }

  func disputes(id: String) async throws -> Response {
    guard let reference = entry(id)?.reference else { return try Self.unknownPayment() }
    return try await answer("disputes", reference: reference) {
      try JSONResponse.make(.ok, ProviderDisputeList(disputes: entry(id)?.disputes ?? []))
    }
  }

  /// `{"returned": {}}`, `{"disputed": {"amount": 250}}`: see ``ProviderOccurrence``. Answered when it is told.
  func occur(id: String, _ request: Request) async throws -> Response {
    guard let occurrence = await Self.body(ProviderOccurrence.self, of: request) else {
      return try Self.problem(.badRequest, "Nothing that could happen.")
    }
    guard let entry = await occur(occurrence, to: id) else {
      return try Self.problem(.conflict, "It can't happen now.")
    }
    return try Self.response(.ok, entry)
  }

  /// Lets something happen to a payment whose money has moved, and calls back.
  /// - Returns: nil: it can't happen.
  @discardableResult
  func occur(_ occurrence: ProviderOccurrence, to id: String) async -> ProviderLedgerEntry? {
    guard let entry = state.withLock({ $0.ledger.occur(occurrence, to: id) }) else { return nil }
    let (status, subject) = (occurrence.status, subject(entry.reference))
    if status.rawValue == "DISPUTED" {
      var generator = self.generator(for: "verdict|\(subject)|\(entry.disputes.count)")
      if faults.disputed > 0 {
        startedContinuation.yield((id, Bool.random(using: &generator) ? .disputeWon : .disputeLost))
      }
    }
    let callbacks = CallbackPlan.draw(faults, using: generator(for: "\(status.rawValue)|\(subject)"))
    let number = entry.refunds.count + entry.disputes.count
    await send(id, status, callbacks, event: "\(status.rawValue)_\(number)")
    return entry
  }

  /// Draws whether something happens by itself, after ``ProviderFaults/occurrenceDelay``.
  func schedule(_ occurrence: ProviderOccurrence, _ rate: Double, _ subject: String, _ id: String) {
    var generator = self.generator(for: "\(occurrence.status.rawValue)|happens|\(subject)")
    if Double.random(in: 0..<1, using: &generator) < rate { startedContinuation.yield((id, occurrence)) }
  }

  private struct RefundBody: Decodable {
    var reference: String
    var amount: Int64
  }
}
