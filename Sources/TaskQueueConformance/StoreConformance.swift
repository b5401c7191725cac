/// The contract of `TaskStore` as checks that every store passes.
///
/// ```swift
/// @Test("The store keeps its contract", arguments: StoreConformance.all)
/// func conforms(to check: StoreConformance.Check) async throws {
///   try await check.run(on: MyStoreHarness())
/// }
/// ```
@_spi(Store) public enum StoreConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract: `S2 A lease that ran out …`.
    public let name: String
    private let body: @Sendable (StoreProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (StoreProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any StoreHarness) async throws { try await body(StoreProbe(harness)) }
  }

  /// Every check; each takes well below a second besides the store's own time.
  public static let all: [Check] =
    leases + claims + outcomes + crashes + enqueueing + uniqueKeys + reruns + duplicates + deadLetters + control + hints
    + limits + orderedLimits + rates + timedPauses
}
