/// The contract of `EffectLedger` as checks that every ledger passes, together with the `Effects` in front of it.
///
/// ```swift
/// @Test("The ledger keeps its contract", arguments: EffectLedgerConformance.all)
/// func conforms(to check: EffectLedgerConformance.Check) async throws {
///   try await check.run(on: MyHarness())
/// }
/// ```
@_spi(Store) public enum EffectLedgerConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (EffectProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (EffectProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the ledger throws otherwise.
    public func run(on harness: any EffectLedgerHarness) async throws { try await body(EffectProbe(harness)) }
  }

  /// Every check.
  public static let all: [Check] = calls + inquiries + overlaps + keys + people
}
