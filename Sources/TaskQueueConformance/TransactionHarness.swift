@_spi(Store) public import TaskQueue

/// An empty store whose calls can be part of transactions.
@_spi(Store) public protocol TransactionHarness<Transactional>: StoreHarness {
  associatedtype Transactional: TransactionalTaskStore & StoreContract

  var transactionalStore: Transactional { get }

  /// Runs the body as another task would, one that has no part in a transaction which the calling task has open.
  func elsewhere<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value
}

/// An empty store that is a ledger and knows what takes too long.
@_spi(Store) public protocol AlarmHarness: EffectLedgerHarness {
  var alarms: any AlarmSource { get }
}
