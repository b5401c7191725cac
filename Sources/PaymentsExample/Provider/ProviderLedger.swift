import Foundation

/// The simulated provider's books: a plain value, no clock, no network.
struct ProviderLedger: Sendable {
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
    if let idempotencyKey, let index = self.indexByIdempotencyKey[idempotencyKey] {
      return self.entries[index]
    }
    let index = self.entries.count
    let entry = ProviderLedgerEntry(
      id: "\(self.idPrefix)\(index + 1)",
      reference: request.reference,
      userId: request.userId,
      amount: request.amount,
      currency: request.currency,
      status: .initial,
      createdAt: time,
      executions: 0,
      executeRequests: 0
    )
    self.entries.append(entry)
    self.indexByID[entry.id] = index
    self.indexesByReference[entry.reference, default: []].append(index)
    if let idempotencyKey { self.indexByIdempotencyKey[idempotencyKey] = index }
    return entry
  }

  /// Starts moving the money, the first time only.
  mutating func execute(id: String, willCancel: Bool) -> Execution {
    guard let index = self.indexByID[id] else { return .unknownPayment }
    self.entries[index].executeRequests += 1
    if self.entries[index].status == .cancelled, self.entries[index].executeRequests == 1 { return .refused }
    guard self.entries[index].status == .initial else { return .repeated(self.entries[index]) }
    self.entries[index].status = .processing
    if !willCancel { self.entries[index].executions += 1 }
    return .started(self.entries[index])
  }

  /// Makes a payment in PROCESSING final. Nothing happens to any other.
  mutating func finish(id: String) -> ProviderLedgerEntry? {
    guard let index = self.indexByID[id], self.entries[index].status == .processing else { return nil }
    self.entries[index].status = self.entries[index].executions > 0 ? .done : .cancelled
    return self.entries[index]
  }

  /// Drops a payment that is still in INIT.
  mutating func cancel(id: String) -> Change<ProviderLedgerEntry> {
    guard let index = self.indexByID[id] else { return .unknownPayment }
    switch self.entries[index].status {
    case .initial:
      self.entries[index].status = .cancelled
      return .done(self.entries[index])
    case .cancelled: return .repeated(self.entries[index])
    default: return .refused
    }
  }

  /// Pays back, once per reference.
  mutating func refund(id: String, reference: String, amount: Int64) -> Change<ProviderRefund> {
    guard let index = self.indexByID[id] else { return .unknownPayment }
    let entry = self.entries[index]
    if let existing = entry.refunds.first(where: { $0.reference == reference }) {
      return existing.amount == amount ? .repeated(existing) : .refused
    }
    guard entry.status == .done, amount > 0, amount <= entry.amount - entry.refunded else { return .refused }
    let refund = ProviderRefund(
      id: "\(id)_r\(entry.refunds.count + 1)",
      reference: reference,
      amount: amount,
      status: "DONE"
    )
    self.entries[index].refunds.append(refund)
    return .done(refund)
  }

  func entry(id: String) -> ProviderLedgerEntry? {
    self.indexByID[id].map { self.entries[$0] }
  }

  func entries(reference: String) -> [ProviderLedgerEntry] {
    (self.indexesByReference[reference] ?? []).map { self.entries[$0] }
  }

  /// A page of what was registered in a window, from an index on.
  /// - Returns: the entries, and where the next page begins.
  func entries(in window: Range<Date>, from first: Int) -> (entries: [ProviderLedgerEntry], next: Int?) {
    var page: [ProviderLedgerEntry] = []
    for index in max(0, first)..<max(0, first, self.entries.count) where window.contains(self.entries[index].createdAt)
    {
      if page.count == Self.pageSize { return (page, index) }
      page.append(self.entries[index])
    }
    return (page, nil)
  }

  /// How often money moved for our payment, over all payments registered for it.
  func executions(reference: String) -> Int {
    self.entries(reference: reference).reduce(0) { $0 + $1.executions }
  }
}
