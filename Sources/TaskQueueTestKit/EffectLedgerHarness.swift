public import TaskQueue

/// An empty store that is a ledger too.
public protocol EffectLedgerHarness: StoreHarness {
  var ledger: any EffectLedger { get }
}

extension InMemoryStoreHarness: EffectLedgerHarness {
  public var ledger: any EffectLedger { inMemoryStore }
}

extension PostgresStoreHarness: EffectLedgerHarness {
  public var ledger: any EffectLedger { postgresStore }
}
