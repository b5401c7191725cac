import Foundation
import Synchronization

@testable import PaymentsExample
@testable import PaymentsLab

/// A provider in memory that ignores idempotency keys, and whose calls fail as told, in order; then they work.
final class ScriptedProvider: PaymentProvider {
  enum Fault: Sendable {
    /// The connection is gone before the work, after it; a 500 before the work, after it; refused for good.
    case lostBefore, lostAfter, errorBefore, errorAfter, refused
    /// Answers that it worked, and did nothing.
    case forgotten
  }

  struct Lost: Error {}

  struct State: Sendable {
    var ledger = ProviderLedger()
    var faults: [String: [Fault]]
    /// Every call that changes something, as it was sent.
    var sent: [String] = []
    var keys: [String] = []
    /// How often it was asked for a payment.
    var looks = 0
  }

  let capabilities = ProviderCapabilities.all
  let callLimit: Duration
  private let state: Mutex<State>

  init(_ faults: [String: [Fault]] = [:], callLimit: Duration = .seconds(1)) {
    self.callLimit = callLimit
    state = Mutex(State(faults: faults))
  }

  var now: State { state.withLock { $0 } }

  func count(_ operation: String) -> Int { now.sent.count { $0 == operation } }

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try change("create", idempotencyKey, otherwise: ProviderPayment(id: "none", status: .initial)) {
      ProviderPayment($0.ledger.create(request, idempotencyKey: nil))
    }
  }

  /// Its answer shows nothing.
  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    try change("execute", idempotencyKey, otherwise: nil) { state in
      _ = state.ledger.execute(id: id, willCancel: false)
      return nil
    }
  }

  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try change("cancel", idempotencyKey, otherwise: ProviderPayment(id: id, status: .cancelled)) { state in
      switch state.ledger.cancel(id: id) {
      case .done(let entry), .repeated(let entry): return ProviderPayment(entry)
      case .refused, .unknownPayment: throw ProviderError(code: .refused, call: "cancel", httpStatus: 409)
      }
    }
  }

  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    let none = ProviderRefund(id: "none", reference: request.reference, amount: request.amount, status: "DONE")
    return try change("refund", idempotencyKey, otherwise: none) { state in
      // Unlike the ledger, it pays back as often as it is asked.
      let reference = "\(request.reference)#\(state.sent.count)"
      switch state.ledger.refund(id: request.paymentId, reference: reference, amount: request.amount) {
      case .done(var refund), .repeated(var refund):
        refund.reference = request.reference
        return refund
      case .refused, .unknownPayment: throw ProviderError(code: .refused, call: "refund", httpStatus: 409)
      }
    }
  }

  func payment(id: String) async throws -> ProviderPayment {
    state.withLock { $0.looks += 1 }
    guard let entry = now.ledger.entry(id: id) else {
      throw ProviderError(code: .unknownPayment, call: "payment", httpStatus: 404)
    }
    return ProviderPayment(entry)
  }

  func payments(reference: String) async throws -> [ProviderPayment] {
    now.ledger.entries(reference: reference).map { ProviderPayment($0) }
  }

  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    throw ProviderError(code: .unsupported, call: "list", httpStatus: 404)
  }

  func refunds(paymentId: String) async throws -> [ProviderRefund] {
    (now.ledger.entry(id: paymentId)?.refunds ?? []).map { refund in
      var refund = refund
      refund.reference = String(refund.reference.prefix { $0 != "#" })
      return refund
    }
  }

  func disputes(paymentId: String) async throws -> [ProviderRefund] {
    now.ledger.entry(id: paymentId)?.disputes ?? []
  }

  /// Registers a payment that nobody of ours asked for.
  /// - Returns: its id.
  func register(reference: String, userId: String, amount: Int64) -> String {
    let request = ProviderPaymentRequest(
      reference: reference,
      userId: userId,
      amount: amount,
      currency: "EUR",
      description: ""
    )
    return state.withLock { $0.ledger.create(request, idempotencyKey: nil).id }
  }

  /// The provider goes on by itself.
  func finish(_ id: String) {
    state.withLock { _ = $0.ledger.finish(id: id) }
  }

  private func change<Value: Sendable>(
    _ operation: String,
    _ key: String,
    otherwise: Value,
    _ work: @Sendable (inout State) throws -> Value
  ) throws -> Value {
    try state.withLock { state in
      state.sent.append(operation)
      state.keys.append(key)
      var faults = state.faults[operation] ?? []
      let fault = faults.isEmpty ? nil : faults.removeFirst()
      state.faults[operation] = faults
      let failure = ProviderError(code: .unexpectedStatus, call: operation, httpStatus: 500)
      switch fault {
      case nil: return try work(&state)
      case .lostBefore: throw Lost()
      case .errorBefore: throw failure
      case .refused: throw ProviderError(code: .refused, call: operation, httpStatus: 422, reason: "Never.")
      case .forgotten: return otherwise
      case .lostAfter:
        _ = try work(&state)
        throw Lost()
      case .errorAfter:
        _ = try work(&state)
        throw failure
      }
    }
  }
}
