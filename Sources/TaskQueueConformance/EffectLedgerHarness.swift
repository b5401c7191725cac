@_spi(Store) public import TaskQueue

/// An empty store that is a ledger too.
@_spi(Store) public protocol EffectLedgerHarness: StoreHarness {
  var ledger: any EffectLedger { get }
}
