import Synchronization
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// One life of a flow under test, from its enqueue to its end: what a ``FlowTest`` hands to the closure that makes its handlers. Everything of the world
/// outside of the flow is made there anew, too.
public final class FlowTestRun: Sendable {
  struct Emission: Sendable {
    let event: FlowEvent
    let after: Duration
  }

  private struct Contents {
    var emissions: [Emission] = []
    var invariants: [@Sendable (FlowEnding) async throws -> Void] = []
  }

  /// For handlers that enqueue, emit, or have transactions.
  public let client: TaskClient<FlowTestStore>
  let gate: FlowTestGate
  private let contents = Mutex(Contents())

  init(_ gate: FlowTestGate) {
    self.gate = gate
    client = TaskClient(store: FlowTestStore(memory: gate.store, gate: gate))
  }

  /// The time, which stands still but for waits and the ends of leases.
  public var now: Date { gate.time.now }

  // MARK: What comes from outside

  /// An event comes so long after the flow's start. In other runs it comes early, twice, late, or never.
  ///
  /// - Throws: `TaskQueueError`: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`.
  public func emit(
    _ key: String,
    _ payload: some Encodable,
    after delay: Duration,
    retention: Duration = .seconds(7 * 86_400)
  ) throws {
    let event = try FlowEvent(key, payload, retention: retention, coding: .standard)
    contents.withLock { $0.emissions.append(Emission(event: event, after: max(.zero, delay))) }
  }

  /// What has to be true when the flow has ended, however it was disturbed. Throws if it is not; `#require` will do.
  public func invariant(_ holds: @escaping @Sendable (FlowEnding) async throws -> Void) {
    contents.withLock { $0.invariants.append(holds) }
  }

  // MARK: What the fakes of a test call

  /// A provider does something that must not be done twice: moves money, sends a mail. An attempt may crash before it, or before it has the answer.
  ///
  /// An action is known by its name: put into it what it is about (`"charge order 7"`), and number what a flow does on purpose more than once.
  /// Carried out twice, it fails the test. With a key that it has been carried out with nothing happens, as at a provider that honours idempotency keys.
  ///
  /// - Throws: if the attempt is cancelled, or was held until the test is over.
  public func act(_ action: String, key: String? = nil) async throws {
    try await gate.passCancellable("before action \"\(action)\"")
    gate.act(action, key: key)
    try await gate.passCancellable("after action \"\(action)\", before its answer")
  }

  /// ``act(_:key:)-(_,String?)`` with the key of an effect's call.
  public func act(_ action: String, key: IdempotencyKey) async throws { try await act(action, key: key.rawValue) }

  /// Whether the action was carried out with that key; nil: at all. For the fakes of lookups.
  public func hasActed(_ action: String, key: IdempotencyKey? = nil) -> Bool {
    gate.hasActed(action, key: key?.rawValue)
  }

  /// A place of the test's own where attempts may crash, such as a call that may be repeated.
  ///
  /// - Throws: as ``act(_:key:)-(_,String?)``.
  public func crashPoint(_ name: String) async throws { try await gate.passCancellable("at \(name)") }

  var emissions: [Emission] { contents.withLock { $0.emissions } }

  func check(_ ending: FlowEnding) async throws {
    for invariant in contents.withLock({ $0.invariants }) { try await invariant(ending) }
  }
}
