/// The simulated provider's books: a plain value, no clock, no network.
struct ProviderLedger: Sendable {
  /// What asking for an execution led to.
  enum Execution: Equatable, Sendable {
    case unknownPayment
    /// Money starts to move now.
    case started(ProviderLedgerEntry)
    /// It was asked for before; nothing changed.
    case repeated(ProviderLedgerEntry)
  }

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
  mutating func create(_ request: ProviderPaymentRequest, idempotencyKey: String?) -> ProviderLedgerEntry {
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

  func entry(id: String) -> ProviderLedgerEntry? {
    self.indexByID[id].map { self.entries[$0] }
  }

  func entries(reference: String) -> [ProviderLedgerEntry] {
    (self.indexesByReference[reference] ?? []).map { self.entries[$0] }
  }

  /// How often money moved for our payment, over all payments registered for it.
  func executions(reference: String) -> Int {
    self.entries(reference: reference).reduce(0) { $0 + $1.executions }
  }
}
