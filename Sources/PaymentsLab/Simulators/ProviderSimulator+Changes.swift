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
      case .done(let refund): return try JSONResponse.make(.created, refund)
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

  private struct RefundBody: Decodable {
    var reference: String
    var amount: Int64
  }
}
