import Logging

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One attempt at one effect: asks the ledger, calls or looks up, and says how it ended.
struct EffectAttempt<Value: Codable & Sendable>: Sendable {
  typealias Body = @Sendable (EffectCall) async throws -> Value
  typealias Lookup = @Sendable (EffectCall) async throws -> EffectInquiry<Value>

  /// Times an outcome is offered to a store that fails, over about a second and a half.
  static var maxEndTries: Int { 6 }

  let owner: TaskEffects
  let options: EffectOptions
  private let ledger: any EffectLedger
  private let clock: any Clock<Duration>
  let body: Body
  let reconcile: Lookup?

  init(
    _ owner: TaskEffects,
    options: EffectOptions,
    call body: @escaping Body,
    reconcile: Lookup?
  ) throws(TaskQueueError) {
    guard let ledger = owner.context.services.ledger else { throw .noLedger }
    self.ledger = ledger
    clock = owner.configuration.clock
    self.owner = owner
    self.options = options
    self.body = body
    self.reconcile = reconcile
  }

  /// - Parameter prepared: the first decision, if the intent is stored already.
  func run(_ first: EffectIntent, _ prepared: PreparedEffect? = nil) async throws -> EffectReceipt<Value> {
    var intent = first
    var prepared = prepared
    // At most: ask, then call.
    for _ in 1...2 {
      let elapsed = prepared?.elapsed ?? stopwatch(on: clock)
      let decision: EffectDecision
      if let prepared { decision = prepared.decision } else { decision = try await ledger.beginEffect(intent) }
      prepared = nil
      switch decision {
      case .leaseLost: throw TaskQueueError.effectLeaseLost(intent.claim)
      case .requestChanged(let call): throw EffectError.requestChanged(call)
      case .busy(let call): throw error(.busy, call, "This attempt has begun it already. Nothing was sent.")
      case .recorded(let outcome, let call): return try receipt(for: outcome, call)
      case .call(let call): return try await makeCall(call, elapsed)
      case .ask(let call, let callEndsIn):
        if let receipt = try await ask(call, callEndsIn: callEndsIn, elapsed) { return receipt }
        intent.absentCall = call.number
      }
    }
    throw EffectError(.outcomeUnknown, first.name, "It changed while the provider was asked.")
  }

  // MARK: Calling

  private func makeCall(_ call: EffectCall, _ elapsed: @Sendable () -> Duration) async throws -> EffectReceipt<Value> {
    let remaining = options.callLimit - elapsed()
    guard !Task.isCancelled, remaining > .zero else {
      // A process that stood still meanwhile: others may believe by now that nothing was sent.
      let failure = EffectFailure.temporary("not_started", "The attempt was stopped before its call.")
      return try await conclude(.failed(failure), call, elapsed, throwing: failure)
    }
    do {
      let value = try await part(.effect, call) { try await limited(to: remaining) { try await body(call) } }
      return EffectReceipt(value: value, call: call, unrecorded: .succeeded(encoding: value))
    } catch let failure as EffectFailure {
      return try await conclude(.failed(failure), call, elapsed, throwing: failure)
    } catch {
      let cause = error
      guard reconcile != nil else { return try await park(call, elapsed, because: cause) }
      let unknown = self.error(.outcomeUnknown, call, "Its call ended without an answer.", cause)
      let reason = TaskFailure.message(of: cause)
      return try await conclude(.unknown(reason: reason), call, elapsed, throwing: unknown)
    }
  }

  private func part<Result: Sendable>(
    _ kind: AttemptPart.Kind,
    _ call: EffectCall,
    _ body: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    let services = owner.context.services
    let elapsed = stopwatch(on: clock)
    defer { services.metrics.called(for: elapsed()) }
    return try await services.middleware.around(AttemptPart(kind, call.name.rawValue), of: owner.context, body)
  }

  /// Cancels the body when the time is up, and waits for it: what it says then is true all the same.
  private func limited(to limit: Duration, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { [clock] group in
      group.addTask { try await body() }
      group.addTask {
        try? await clock.sleep(for: limit)
        return nil
      }
      while let result = try await group.next() {
        group.cancelAll()
        if let result { return result }
      }
      throw CancellationError()
    }
  }

  // MARK: Asking

  /// - Returns: nil: it certainly did not happen.
  private func ask(
    _ call: EffectCall,
    callEndsIn: Duration,
    _ elapsed: @Sendable () -> Duration
  ) async throws -> EffectReceipt<Value>? {
    guard let reconcile else {
      guard callEndsIn <= .zero else {
        throw error(.outcomeUnknown, call, "An earlier attempt's call may still be under way.", passesIn: callEndsIn)
      }
      return try await park(call, elapsed, because: nil)
    }
    let inquiry: EffectInquiry<Value>
    do { inquiry = try await part(.lookup, call) { try await reconcile(call) } } catch {
      warnIfKeyEnds(call, elapsed)
      throw self.error(.outcomeUnknown, call, "The provider could not be asked.", error)
    }
    switch inquiry {
    case .happened(let value):
      return EffectReceipt(value: value, call: call, unrecorded: .succeeded(encoding: value))
    case .failed(let failure): return try await conclude(.failed(failure), call, elapsed, throwing: failure)
    case .didNotHappen:
      if callEndsIn <= .zero { return nil }
      warnIfKeyEnds(call, elapsed)
      throw error(
        .outcomeUnknown,
        call,
        "The provider was asked while the call may still be on its way.",
        passesIn: callEndsIn
      )
    case .stillUnknown:
      warnIfKeyEnds(call, elapsed)
      throw error(
        .outcomeUnknown,
        call,
        "The provider cannot say yet.",
        passesIn: callEndsIn > .zero ? callEndsIn : nil
      )
    }
  }

  private func park(
    _ call: EffectCall,
    _ elapsed: @Sendable () -> Duration,
    because cause: (any Error)?
  ) async throws -> EffectReceipt<Value> {
    let parked = error(
      .parked,
      call,
      "Its outcome is unknown and there is no way to ask. Look up its key at the provider, resolve it, then redrive the task.",
      cause
    )
    let reason = cause.map { TaskFailure.message(of: $0) } ?? "An earlier attempt ended without an outcome."
    return try await conclude(.parked(reason: reason), call, elapsed, throwing: parked)
  }

  // MARK: Recording

  /// Records a success.
  func record(_ outcome: EffectOutcome, of receipt: EffectReceipt<Value>) async throws -> Value {
    switch try await end(receipt.call, outcome) {
    case nil:
      warn(.overtaken, receipt.call, "It happened, but the ledger has no row for it.")
      return receipt.value
    case outcome?: return receipt.value
    case let recorded?: return try self.receipt(for: recorded, receipt.call).value
    }
  }

  /// Records anything but a success, and throws unless a success is recorded already.
  private func conclude(
    _ outcome: EffectOutcome,
    _ call: EffectCall,
    _ elapsed: @Sendable () -> Duration,
    throwing error: any Error
  ) async throws -> EffectReceipt<Value> {
    switch try await end(call, outcome) {
    case .succeeded(let value)?: return try receipt(for: .succeeded(value), call)
    case nil:
      warn(.overtaken, call, "This attempt's report came too late: another one decides.")
      throw TaskQueueError(.leaseLost, "Another attempt has taken over effect \(call.name).", underlying: error)
    case .failed(let failure)? where failure.kind == .permanent: throw failure
    default:
      warnIfKeyEnds(call, elapsed)
      throw error
    }
  }

  private func end(_ call: EffectCall, _ outcome: EffectOutcome) async throws -> EffectOutcome? {
    var backoff = BackoffInterval(minimum: .milliseconds(50), maximum: .milliseconds(800))
    var generator = SystemRandomNumberGenerator()
    var tries = 1
    while true {
      do { return try await ledger.endEffect(call, outcome) } catch {
        guard error.isRetrySafe, tries < Self.maxEndTries else {
          throw self.error(.outcomeUnknown, call, "Its outcome could not be recorded; the next attempt asks.", error)
        }
        tries += 1
        try? await clock.sleep(for: backoff.next(using: &generator))
      }
    }
  }

  /// The recorded value, or the recorded failure as an error.
  private func receipt(for outcome: EffectOutcome, _ call: EffectCall) throws -> EffectReceipt<Value> {
    switch outcome {
    case .succeeded(let json):
      do {
        return EffectReceipt(value: try JSONDecoder().decode(Value.self, from: json), call: call, unrecorded: nil)
      } catch {
        // Without the error itself, which quotes the value.
        let problem = TaskFailure.message(of: error)
        throw self.error(.unreadableValue, call, "It happened, but its recorded value cannot be decoded: \(problem)")
      }
    case .failed(let failure): throw failure
    case .unknown, .parked: throw error(.outcomeUnknown, call, "Nobody knows.")
    }
  }

  private func error(
    _ code: EffectError.Code,
    _ call: EffectCall,
    _ message: String,
    _ underlying: (any Error)? = nil,
    passesIn: Duration? = nil
  ) -> EffectError {
    EffectError(code, call.name, message, key: call.key, underlying: underlying, passesIn: passesIn)
  }

  // MARK: Warnings

  /// Only the last attempt within the key's lifetime finds its retry behind the end: so it is said once.
  private func warnIfKeyEnds(_ call: EffectCall, _ elapsed: @Sendable () -> Duration) {
    guard let endsIn = call.keyEndsIn.map({ $0 - elapsed() }), endsIn > .zero else { return }
    let wait = owner.retry.longestDelay(afterAttempt: owner.context.attempt)
    guard wait >= endsIn else { return }
    warn(.keyEndsBeforeNextRetry, call, "The key ends in \(endsIn), the next retry comes in \(wait).")
  }

  private func warn(_ code: EffectWarning.Code, _ call: EffectCall, _ message: String) {
    let warning = EffectWarning(code, task: call.claim.id, effect: call.name, key: call.key, message)
    owner.context.logger.warning("An effect needs a look", metadata: [LogKey.reason: "\(warning)"])
    owner.configuration.onWarning(warning)
  }
}

extension TaskQueueError {
  static func effectLeaseLost(_ claim: Claim) -> TaskQueueError {
    TaskQueueError(.leaseLost, "Task \(claim.id) is no longer held by this claim; nothing was sent.")
  }
}

extension EffectError {
  static func requestChanged(_ call: EffectCall) -> EffectError {
    EffectError(
      .requestChanged,
      call.name,
      """
      It was begun with another request, by this task or by an earlier one with the same scope or unique key whose call has no \
      known outcome yet. Nothing was sent. Settle that one first: unsettledEffects lists it.
      """,
      key: call.key
    )
  }
}
