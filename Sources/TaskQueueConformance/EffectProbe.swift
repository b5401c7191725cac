import Logging
import Synchronization
@_spi(Store) import TaskQueue

/// What one attempt's closures did, and how it ended.
struct EffectRun: Sendable {
  var calls: [EffectCall] = []
  var lookups: [EffectCall] = []
  var value: String?
  var error: (any Error)?
  var warnings: [EffectWarning] = []

  var effectCode: EffectError.Code? { (error as? EffectError)?.code }
  var storeCode: TaskQueueError.Code? { (error as? TaskQueueError)?.code }
  var failure: EffectFailure? { error as? EffectFailure }
}

/// The provider is somewhere else: what this says is all that is known.
struct ProviderDown: Error {}

/// Short forms of the ledger's calls for its conformance checks.
struct EffectProbe: Sendable {
  static let name: EffectName = "charge"
  static let callLimit: Duration = .seconds(30)

  let tasks: StoreProbe
  let ledger: any EffectLedger

  init(_ harness: any EffectLedgerHarness) {
    tasks = StoreProbe(harness)
    ledger = harness.ledger
  }

  func advance(by duration: Duration) async throws { try await tasks.advance(by: duration) }

  /// A new task in its first attempt.
  func start(unique: UniqueKey? = nil) async throws -> ClaimedTask {
    try await tasks.claimOnly(try await tasks.enqueue { $0.unique = unique }.id)
  }

  /// The next attempt after a crash.
  func takeOver(_ task: ClaimedTask) async throws -> ClaimedTask {
    try await tasks.takeOver(task)
  }

  /// One attempt at the effect; without `reconcile` nobody can be asked.
  func perform(
    _ task: ClaimedTask,
    _ name: EffectName = Self.name,
    request: [String: String] = ["amount": "7"],
    keyLifetime: Duration? = nil,
    scope: String? = nil,
    retry: RetryPolicy = .standard,
    call: @escaping @Sendable (EffectCall) async throws -> String = { _ in "paid" },
    reconcile: (@Sendable (EffectCall) async throws -> EffectInquiry<String>)? = nil
  ) async throws -> EffectRun {
    let run = Mutex(EffectRun())
    let context = TaskContext(
      task: task,
      ledger: ledger,
      effects: EffectsConfiguration { warning in run.withLock { $0.warnings.append(warning) } },
      retry: retry,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    let options = EffectOptions(callLimit: Self.callLimit, keyLifetime: keyLifetime, scope: scope)
    var asks: (@Sendable (EffectCall) async throws -> EffectInquiry<String>)?
    if let reconcile {
      asks = { asked in
        run.withLock { $0.lookups.append(asked) }
        return try await reconcile(asked)
      }
    }
    do {
      let value = try await context.effects.perform(
        name,
        request: request,
        options: options,
        call: { called in
          run.withLock { $0.calls.append(called) }
          return try await call(called)
        },
        reconcile: asks
      )
      run.withLock { $0.value = value }
    } catch { run.withLock { $0.error = error } }
    return run.withLock { $0 }
  }

  /// What the ledger is told without a closure.
  func intent(_ task: ClaimedTask, absentCall: Int? = nil, keyLifetime: Duration? = nil) -> EffectIntent {
    EffectIntent(
      claim: task.claim,
      name: Self.name,
      requestDigest: .init(repeating: 7, count: 32),
      callLimit: Self.callLimit,
      keyLifetime: keyLifetime,
      absentCall: absentCall
    )
  }

  /// Begins a call and expects leave to make it.
  func begin(_ task: ClaimedTask, absentCall: Int? = nil, fileID: String = #fileID, line: Int = #line) async throws
    -> EffectCall
  {
    let decision = try await ledger.beginEffect(intent(task, absentCall: absentCall))
    guard case .call(let call) = decision else {
      throw ConformanceFailure("expected leave to call, got \(decision)", fileID: fileID, line: line)
    }
    return call
  }

  /// Begins again and expects to be told to ask.
  func ask(_ task: ClaimedTask, fileID: String = #fileID, line: Int = #line) async throws -> EffectCall {
    let decision = try await ledger.beginEffect(intent(task))
    guard case .ask(let call, _) = decision else {
      throw ConformanceFailure("expected to be told to ask, got \(decision)", fileID: fileID, line: line)
    }
    return call
  }

  func record(_ task: ClaimedTask, fileID: String = #fileID, line: Int = #line) async throws -> EffectRecord {
    let records = try await ledger.effects(of: task.claim.id)
    guard records.count == 1 else {
      throw ConformanceFailure("expected one effect, got \(records)", fileID: fileID, line: line)
    }
    return records[0]
  }
}
