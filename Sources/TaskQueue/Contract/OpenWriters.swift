#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Transactions that have written tasks and are not over.
@_spi(Store) public struct OpenWriters: Sendable {
  /// Names a transaction; never given to another one while a worker runs.
  public typealias ID = String

  /// By the store's clock: what is not among `ids` and stores a task later gives it a later due time.
  public var at: Date
  public var ids: Set<ID>

  public init(at: Date, ids: Set<ID>) {
    self.at = at
    self.ids = ids
  }
}
