import Foundation
import PaymentsExample

/// One line of the simulated provider's books.
package struct ProviderLedgerEntry: Codable, Equatable, Sendable {
  var id: String
  var reference: String
  var userId: String
  /// In minor units.
  var amount: Int64
  var currency: String
  var namespace: String?
  var status: ProviderStatus
  var createdAt: Date
  /// How often money moved: 0 or 1 by the provider's own rules.
  var executions: Int
  /// How often `execute` was asked for.
  var executeRequests: Int
  var refunds: [ProviderRefund] = []
  var disputes: [ProviderRefund] = []

  /// In minor units.
  var refunded: Int64 { refunds.reduce(0) { $0 + ($1.status == "FAILED" ? 0 : $1.amount) } }
  var disputed: Int64 { disputes.reduce(0) { $0 + $1.amount } }
}

/// What the simulated provider does with a payment by itself, once its money has moved.
package enum ProviderOccurrence: Codable, Equatable, Sendable {
  /// The money came back.
  case returned
  /// Pays back, past us.
  case refunded(amount: Int64)
  /// The last refund that is DONE never arrived.
  case refundFailed
  case disputed(amount: Int64)
  /// The last dispute that is open ends.
  case disputeWon, disputeLost

  /// What its callback says.
  var status: ProviderStatus {
    switch self {
    case .returned: .returned
    case .refunded: .init(rawValue: "REFUNDED")
    case .refundFailed: .init(rawValue: "REFUND_FAILED")
    case .disputed: .init(rawValue: "DISPUTED")
    case .disputeWon: .init(rawValue: "DISPUTE_WON")
    case .disputeLost: .init(rawValue: "DISPUTE_LOST")
    }
  }
}

/// The simulated provider's books: a plain value, no clock, no network.
package struct ProviderLedger: Sendable {
  /// What asking for an execution led to.
  enum Execution: Equatable, Sendable {
    case unknownPayment
    /// Money starts to move now.
    case started(ProviderLedgerEntry)
    /// It was asked for before; nothing changed.
    case repeated(ProviderLedgerEntry)
    /// It was cancelled before.
    case refused
  }

  /// What asking for a cancellation or a refund led to.
  enum Change<Value: Equatable & Sendable>: Equatable, Sendable {
    case unknownPayment
    case done(Value)
    case repeated(Value)
    /// The payment's status, or its rest, doesn't allow it.
    case refused
  }

  /// Entries of one page.
  static let pageSize = 500

  /// Begins every payment's id.
  let idPrefix: String
  private(set) var entries: [ProviderLedgerEntry] = []
  private var indexByID: [String: Int] = [:]
  private var indexesByReference: [String: [Int]] = [:]
  private var indexByIdempotencyKey: [String: Int] = [:]

  init(idPrefix: String = "pp_") {
    self.idPrefix = idPrefix
  }

  /// Registers a payment, or returns the one an honoured key already led to.
  mutating func create(
    _ request: ProviderPaymentRequest,
    idempotencyKey: String?,
    at time: Date = Date(timeIntervalSince1970: 0)
  ) -> ProviderLedgerEntry {
    if let idempotencyKey, let index = indexByIdempotencyKey[idempotencyKey] {
      return entries[index]
    }
    let index = entries.count
    let entry = ProviderLedgerEntry(
      id: "\(idPrefix)\(index + 1)",
      reference: request.reference,
      userId: request.userId,
      amount: request.amount,
      currency: request.currency,
      namespace: request.namespace,
      status: .initial,
      createdAt: time,
      executions: 0,
      executeRequests: 0
    )
    entries.append(entry)
    indexByID[entry.id] = index
    indexesByReference[entry.reference, default: []].append(index)
    if let idempotencyKey { indexByIdempotencyKey[idempotencyKey] = index }
    return entry
  }

  /// Starts moving the money, the first time only.
  mutating func execute(id: String, willCancel: Bool) -> Execution {
    guard let index = indexByID[id] else { return .unknownPayment }
    entries[index].executeRequests += 1
    if entries[index].status == .cancelled, entries[index].executeRequests == 1 { return .refused }
    guard entries[index].status == .initial else { return .repeated(entries[index]) }
    entries[index].status = .processing
    if !willCancel { entries[index].executions += 1 }
    return .started(entries[index])
  }

  /// Makes a payment in PROCESSING final. Nothing happens to any other.
  mutating func finish(id: String) -> ProviderLedgerEntry? {
    guard let index = indexByID[id], entries[index].status == .processing else { return nil }
    entries[index].status = entries[index].executions > 0 ? .done : .cancelled
    return entries[index]
  }

  /// Drops a payment that is still in INIT.
  mutating func cancel(id: String) -> Change<ProviderLedgerEntry> {
    guard let index = indexByID[id] else { return .unknownPayment }
    switch entries[index].status {
    case .initial:
      entries[index].status = .cancelled
      return .done(entries[index])
    case .cancelled: return .repeated(entries[index])
    default: return .refused
    }
  }

  /// Pays back, once per reference.
  mutating func refund(id: String, reference: String, amount: Int64) -> Change<ProviderRefund> {
    guard let index = indexByID[id] else { return .unknownPayment }
    let entry = entries[index]
    if let existing = entry.refunds.first(where: { $0.reference == reference }), !reference.isEmpty {
      return existing.amount == amount ? .repeated(existing) : .refused
    }
    guard entry.status == .done, amount > 0, amount <= entry.amount - entry.refunded else { return .refused }
    let refund = ProviderRefund(
      id: "\(id)_r\(entry.refunds.count + 1)",
      reference: reference,
      amount: amount,
      status: "DONE"
    )
    entries[index].refunds.append(refund)
    return .done(refund)
  }

  /// Lets something happen to a payment whose money has moved.
  /// - Returns: the entry after it; nil: it can't happen.
  mutating func occur(_ occurrence: ProviderOccurrence, to id: String) -> ProviderLedgerEntry? {
    guard let index = indexByID[id], entries[index].executions > 0 else { return nil }
    let entry = entries[index]
    switch occurrence {
    case .returned:
      guard [.processing, .done].contains(entry.status), entry.refunded == 0, entry.disputes.isEmpty else { return nil }
      entries[index].status = .returned
    case .refunded(let amount):
      guard case .done = refund(id: id, reference: "", amount: amount) else { return nil }
    case .refundFailed:
      guard let last = entry.refunds.lastIndex(where: { $0.status == "DONE" }) else { return nil }
      entries[index].refunds[last].status = "FAILED"
    case .disputed(let amount):
      guard entry.status == .done, amount > 0 else { return nil }
      let number = entry.disputes.count + 1
      entries[index].disputes.append(
        ProviderRefund(id: "\(id)_d\(number)", amount: amount, status: "OPEN", reason: "not received")
      )
    case .disputeWon, .disputeLost:
      guard let last = entry.disputes.lastIndex(where: { $0.status == "OPEN" }) else { return nil }
      entries[index].disputes[last].status = occurrence == .disputeWon ? "WON" : "LOST"
    }
    return entries[index]
  }

  func entry(id: String) -> ProviderLedgerEntry? {
    indexByID[id].map { entries[$0] }
  }

  func entries(reference: String) -> [ProviderLedgerEntry] {
    (indexesByReference[reference] ?? []).map { entries[$0] }
  }

  /// A page of what was registered in a window, from an index on.
  /// - Returns: the entries, and where the next page begins.
  func entries(in window: Range<Date>, from first: Int) -> (entries: [ProviderLedgerEntry], next: Int?) {
    var page: [ProviderLedgerEntry] = []
    for index in max(0, first)..<max(0, first, entries.count) where window.contains(entries[index].createdAt) {
      if page.count == Self.pageSize { return (page, index) }
      page.append(entries[index])
    }
    return (page, nil)
  }

  /// How often money moved for our payment, over all payments registered for it.
  func executions(reference: String) -> Int {
    entries(reference: reference).reduce(0) { $0 + $1.executions }
  }
}
