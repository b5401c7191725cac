import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension PostgresTaskStore: EffectLedger {
  /// One function call: one round trip, one commit.
  public func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    try decision(try await query(begin(intent)), intent)
  }

  func begin(_ intent: EffectIntent) -> LibpqStatement {
    effectStatements.begin(
      .int8(intent.claim.id.rawValue),
      .int8(intent.claim.token),
      .text(intent.name.rawValue),
      .bytea(intent.requestDigest),
      .interval(intent.callLimit),
      intent.keyLifetime.map { .interval($0) } ?? .null,
      intent.absentCall.map { .int4(Int32(clamping: $0)) } ?? .null,
      intent.scope.map { .text($0) } ?? .null
    )
  }

  func decision(
    _ result: LibpqResult,
    _ intent: EffectIntent
  ) throws(TaskQueueError) -> EffectDecision {
    try read { () throws(LibpqError) in
      let row = result[0]
      let decision = try row.text(0)
      guard decision != "lost" else { return .leaseLost }
      let call = EffectCall(
        claim: intent.claim,
        name: intent.name,
        key: IdempotencyKey(rawValue: try row.text(1)),
        number: Int(try row.int4(2)),
        keyEndsIn: try row.optionalFloat8(4).map { .stored(seconds: $0) }
      )
      switch decision {
      case "call": return .call(call)
      case "ask": return .ask(call, callEndsIn: .stored(seconds: try row.float8(3)))
      case "busy": return .busy(call)
      case "changed": return .requestChanged(call)
      default:
        guard let outcome = try Self.outcome(state: decision, value: 5, code: 6, reason: 7, of: row) else {
          throw LibpqError(.decoding, "begin_effect decided something unknown")
        }
        return .recorded(outcome, call)
      }
    }
  }

  /// One function call: one round trip, one commit.
  public func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? {
    let statement = effectStatements.end(Self.endParameters(call, outcome))
    let result: LibpqResult
    do { result = try await isolation.sendUninterrupted(statement, through: pool) } catch {
      throw TaskQueueError(error, .safe)
    }
    return try read { () throws(LibpqError) in try Self.recordedOutcome(result) }
  }

  public func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult {
    let result = try await query(resolutionStatement(name, of: task, as: resolution), .unsafe)
    return try read { () throws(LibpqError) in
      EffectResolutionResult(rawValue: try result[0].text(0))
    }
  }

  func resolutionStatement(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) -> LibpqStatement {
    let (state, value, reason): (EffectState, LibpqValue, LibpqValue) =
      switch resolution {
      case .succeeded(let json): (.succeeded, .json(json), .null)
      case .failed(let reason): (.failed, .null, .text(reason.withoutNUL))
      case .didNotHappen: (.open, .null, .null)
      }
    return effectStatements.resolve(
      .int8(task.rawValue),
      .text(name.rawValue),
      .text(state.rawValue),
      value,
      reason
    )
  }

  public func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] {
    try records(try await query(effectStatements.effects(.int8(task.rawValue), .int8(Int64(Limits.page)))))
  }

  public func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] {
    let limit = Int64(max(0, min(limit, Limits.page)))
    return try records(try await query(effectStatements.unsettled(.interval(age), .int8(limit))))
  }

  public func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    let result = try await query(effectStatements.purgeEffects(.interval(age), .int4(Int32(Limits.page))))
    return try read { () throws(LibpqError) in Int(try result[0].int8(0)) }
  }

  // MARK: Values

  static func endParameters(_ call: EffectCall, _ outcome: EffectOutcome) -> [LibpqValue] {
    let (state, code, reason) = outcome.columns
    var value = LibpqValue.null
    if case .succeeded(let json) = outcome, !json.isEmpty { value = .json(json) }
    return [
      .int8(call.claim.id.rawValue), .int8(call.claim.token), .text(call.name.rawValue),
      .int4(Int32(clamping: call.number)), .text(state.rawValue), value,
      code.map { .text($0.withoutNUL) } ?? .null, reason.map { .text($0.withoutNUL) } ?? .null,
    ]
  }

  private static func recordedOutcome(_ result: LibpqResult) throws(LibpqError) -> EffectOutcome? {
    guard let state = try result[0].optionalText(0) else { return nil }
    return try outcome(state: state, value: 1, code: 2, reason: 3, of: result[0])
  }

  private static func outcome(
    state: String,
    value: Int,
    code: Int,
    reason: Int,
    of row: LibpqRow
  ) throws(LibpqError) -> EffectOutcome? {
    let code = try row.optionalText(code) ?? ""
    let reason = try row.optionalText(reason) ?? ""
    switch EffectState(rawValue: state) {
    case .succeeded: return .succeeded(try row.optionalData(value) ?? Data())
    case .failed: return .failed(.permanent(code, reason))
    case .open: return .failed(.temporary(code, reason))
    case .unknown: return .unknown(reason: reason)
    case .parked: return .parked(reason: reason)
    default: return nil
    }
  }

  private func records(_ result: LibpqResult) throws(TaskQueueError) -> [EffectRecord] {
    try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        EffectRecord(
          task: TaskID(try row.int8(0)),
          taskType: TaskType(try row.text(1)),
          name: EffectName(try row.text(2)),
          key: IdempotencyKey(rawValue: try row.text(3)),
          state: EffectState(rawValue: try row.text(4)),
          isContradicted: try row.bool(5),
          calls: Int(try row.int4(6)),
          intendedAt: try row.timestamptz(7),
          age: .stored(seconds: try row.float8(8)),
          value: try row.optionalData(9),
          code: try row.optionalText(10),
          reason: try row.optionalText(11)
        )
      }
    }
  }
}
