public import TaskQueue

/// An empty store that is a ledger too.
public protocol EffectLedgerHarness: StoreHarness {
  var ledger: any EffectLedger { get }
}
