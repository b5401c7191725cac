@_spi(Store) public import TaskQueue

/// The contract of `TransactionalTaskStore` as checks that every such store passes, its callback inbox included.
///
/// ```swift
/// @Test("The store's transactions keep their contract", arguments: TransactionConformance<MyStore>.all)
/// func conforms(to check: TransactionConformance<MyStore>.Check) async throws {
///   try await check.run(on: MyHarness())
/// }
/// ```
@_spi(Store) public enum TransactionConformance<Store: TransactionalTaskStore & StoreContract> {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (TransactionProbe<Store>) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (TransactionProbe<Store>) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: some TransactionHarness<Store>) async throws {
      try await body(TransactionProbe(harness))
    }
  }

  /// Every check.
  public static var all: [Check] { enqueueing + settling + effects + callbacks }
}
