/// What became of one settlement.
@_spi(Store) public enum SettlementResult: Hashable, Sendable {
  case applied
  /// The claim had lost the task; nothing was changed.
  case lost
  /// Another session has locked the row, so the store did not wait for it; nothing was changed. To be offered again.
  case busy
}
