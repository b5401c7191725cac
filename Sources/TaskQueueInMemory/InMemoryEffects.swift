@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The in-memory store's ledger: the same rules as the functions `_begin_effect`, `_end_effect`, `_settle_followed_effect` and
/// `resolve_effect`.
struct InMemoryEffects {
  struct ID: Hashable {
    var task: TaskID
    var name: EffectName
  }

  struct Row {
    let taskType: TaskType
    var key: IdempotencyKey
    let scope: String?
    let uniqueSlot: InMemoryState.UniqueSlot?
    /// The effect whose call, without a known outcome then, became this one's.
    var follows: ID?
    let requestDigest: Data
    var state = EffectState.intended
    /// Of the claim that began it last; nil: somebody resolved it since.
    var token: Int64?
    var calls = 1
    var callLimit: Duration
    var keyLifetime: Duration?
    var keyUsedAt: Date
    var intendedAt: Date
    var changedAt: Date
    var value = Data()
    var code: String?
    var reason: String?
    var isContradicted = false

    init(_ task: InMemoryTask, key: IdempotencyKey, _ intent: EffectIntent, now: Date) {
      taskType = task.type
      uniqueSlot = task.uniqueSlot
      self.key = key
      scope = intent.scope
      requestDigest = intent.requestDigest
      token = intent.claim.token
      callLimit = intent.callLimit
      keyLifetime = intent.keyLifetime
      keyUsedAt = now
      intendedAt = now
      changedAt = now
    }

    /// The last call certainly did not happen, and the key is still known or the provider was asked.
    func mayCall(_ intent: EffectIntent, now: Date) -> Bool {
      if state == .open, !isKeyExpired(intent, now: now) { return true }
      return [.unknown, .parked].contains(state) && token == intent.claim.token && calls == intent.absentCall
    }

    mutating func begin(_ intent: EffectIntent, now: Date) {
      if isKeyExpired(intent, now: now) { keyUsedAt = now }
      state = .intended
      token = intent.claim.token
      calls += 1
      callLimit = intent.callLimit
      keyLifetime = intent.keyLifetime
      intendedAt = now
      changedAt = now
      (code, reason) = (nil, nil)
    }

    /// Another task's call is this one's too: it happened, or nobody knows.
    mutating func follow(_ id: ID, _ other: Row) {
      state = other.state == .succeeded ? .succeeded : .unknown
      if other.state != .succeeded { follows = id }
      key = other.key
      value = other.value
      calls = other.calls
      callLimit = other.callLimit
      keyUsedAt = other.keyUsedAt
      intendedAt = other.intendedAt
    }

    private func isKeyExpired(_ intent: EffectIntent, now: Date) -> Bool {
      intent.keyLifetime.map { keyUsedAt.adding($0) <= now } ?? false
    }

    var keyEndsAt: Date? { keyLifetime.map { keyUsedAt.adding($0) } }
    var callEndsAt: Date { intendedAt.adding(callLimit) }
    var isSettled: Bool { [.open, .succeeded, .failed].contains(state) }

    /// What is known of it; nil while a call is under way.
    var outcome: EffectOutcome? {
      switch state {
      case .open: .failed(.temporary(code ?? "", reason ?? ""))
      case .unknown: .unknown(reason: reason ?? "")
      case .parked: .parked(reason: reason ?? "")
      case .succeeded: .succeeded(value)
      case .failed: .failed(.permanent(code ?? "", reason ?? ""))
      default: nil
      }
    }
  }

  var namespace = UUID()
  var rows: [ID: Row] = [:]

  /// Another task's row for the same action, whose call may have happened: if one says that it did, that one; else the last. Without
  /// a scope it is of an earlier task with the same unique key, and nobody knows whether it happened.
  func sharer(of row: Row, _ id: ID) -> (key: ID, value: Row)? {
    let others = rows.filter { otherID, other in
      guard otherID.task != id.task else { return false }
      if row.scope != nil {
        return other.key == row.key && other.scope != nil && ![.open, .failed].contains(other.state)
      }
      guard let slot = row.uniqueSlot else { return false }
      return other.uniqueSlot == slot && otherID.name == id.name && other.scope == nil && !other.isSettled
    }
    return others.max { one, other in
      (one.value.state == .succeeded ? 1 : 0, one.value.callEndsAt, one.key.task)
        < (other.value.state == .succeeded ? 1 : 0, other.value.callEndsAt, other.key.task)
    }
  }

  /// A settled effect that took over another task's call settles that one's, too.
  mutating func settleFollowed(by row: Row) {
    guard row.isSettled else { return }
    var next = row.follows
    while let id = next, var followed = rows[id], followed.key == row.key, !followed.isSettled {
      (followed.state, followed.value, followed.code, followed.reason) = (row.state, row.value, row.code, row.reason)
      followed.token = nil
      followed.changedAt = row.changedAt
      rows[id] = followed
      next = followed.follows
    }
  }
}

extension InMemoryState {
  mutating func beginEffect(_ intent: EffectIntent, now: Date) -> EffectDecision {
    guard let task = tasks[intent.claim.id], case .held(intent.claim.token, let until) = task.phase, until > now else {
      return .leaseLost
    }
    let id = InMemoryEffects.ID(task: task.id, name: intent.name)
    guard var row = effects.rows[id] else { return beginFirst(id, of: task, intent, now: now) }
    guard row.requestDigest == intent.requestDigest, row.scope == intent.scope else {
      return .requestChanged(call(row, intent, now: now))
    }
    if let outcome = row.outcome, [.succeeded, .failed].contains(row.state) {
      return .recorded(outcome, call(row, intent, now: now))
    }
    if row.mayCall(intent, now: now) {
      row.begin(intent, now: now)
      effects.rows[id] = row
      return .call(call(row, intent, now: now))
    }
    if row.state == .intended, row.token == intent.claim.token { return .busy(call(row, intent, now: now)) }
    if row.state != .parked { row.state = .unknown }
    row.token = intent.claim.token
    row.keyLifetime = intent.keyLifetime
    row.changedAt = now
    effects.rows[id] = row
    return .ask(call(row, intent, now: now), callEndsIn: .seconds(row.callEndsAt.timeIntervalSince(now)))
  }

  private mutating func beginFirst(
    _ id: InMemoryEffects.ID,
    of task: InMemoryTask,
    _ intent: EffectIntent,
    now: Date
  ) -> EffectDecision {
    let key =
      if let scope = intent.scope {
        IdempotencyKey(namespace: effects.namespace, scope: scope, effect: intent.name)
      } else {
        IdempotencyKey(namespace: effects.namespace, task: task.id, createdAt: task.createdAt, effect: intent.name)
      }
    var row = InMemoryEffects.Row(task, key: key, intent, now: now)
    if let (otherID, other) = effects.sharer(of: row, id) {
      guard other.requestDigest == intent.requestDigest else { return .requestChanged(call(other, intent, now: now)) }
      row.follow(otherID, other)
    }
    effects.rows[id] = row
    switch row.state {
    case .succeeded: return .recorded(.succeeded(row.value), call(row, intent, now: now))
    case .unknown:
      return .ask(call(row, intent, now: now), callEndsIn: .seconds(row.callEndsAt.timeIntervalSince(now)))
    default: return .call(call(row, intent, now: now))
    }
  }

  private func call(_ row: InMemoryEffects.Row, _ intent: EffectIntent, now: Date) -> EffectCall {
    EffectCall(
      claim: intent.claim,
      name: intent.name,
      key: row.key,
      number: row.calls,
      keyEndsIn: row.keyEndsAt.map { .seconds($0.timeIntervalSince(now)) }
    )
  }

  mutating func endEffect(_ call: EffectCall, _ outcome: EffectOutcome, now: Date) -> EffectOutcome? {
    let id = InMemoryEffects.ID(task: call.claim.id, name: call.name)
    guard var row = effects.rows[id], call.number <= row.calls else { return nil }
    if row.state == .succeeded {
      if case .succeeded(let value) = outcome, value != row.value { row.isContradicted = true }
    } else if case .succeeded(let value) = outcome {
      row.isContradicted = row.isContradicted || row.state == .failed
      row.state = .succeeded
      row.value = value
      (row.code, row.reason) = (nil, nil)
      row.changedAt = now
    } else if row.token == call.claim.token, row.calls == call.number, row.state != .failed {
      (row.state, row.code, row.reason) = outcome.columns
      row.changedAt = now
    } else if row.state != .failed {
      return nil
    }
    effects.rows[id] = row
    effects.settleFollowed(by: row)
    return row.outcome
  }

  mutating func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution,
    now: Date
  ) -> EffectResolutionResult {
    let id = InMemoryEffects.ID(task: task, name: name)
    guard var row = effects.rows[id] else { return .unknown }
    guard ![.succeeded, .failed].contains(row.state) else { return .settled }
    if case .held(_, let until) = tasks[task]?.phase, until > now { return .running }
    if case .didNotHappen = resolution, row.state != .open, row.callEndsAt > now { return .running }
    switch resolution {
    case .succeeded(let value):
      row.state = .succeeded
      row.value = value
      row.code = nil
    case .failed(let reason):
      row.state = .failed
      row.code = "resolved"
      row.reason = reason
    case .didNotHappen:
      row.state = .open
      (row.code, row.reason) = (nil, nil)
    }
    row.token = nil
    row.keyUsedAt = now
    row.changedAt = now
    effects.rows[id] = row
    effects.settleFollowed(by: row)
    return .resolved
  }

  func effectRecords(now: Date, where isIncluded: (InMemoryEffects.ID, InMemoryEffects.Row) -> Bool) -> [EffectRecord] {
    effects.rows.filter { isIncluded($0.key, $0.value) }.map { id, row in
      EffectRecord(
        task: id.task,
        taskType: row.taskType,
        name: id.name,
        key: row.key,
        state: row.state,
        isContradicted: row.isContradicted,
        calls: row.calls,
        intendedAt: row.intendedAt,
        age: .seconds(now.timeIntervalSince(row.intendedAt)),
        value: row.state == .succeeded ? row.value : nil,
        code: row.code,
        reason: row.reason
      )
    }
  }

  /// Whether the task has a call whose outcome nobody knows.
  func hasUnknownEffect(_ task: TaskID) -> Bool {
    effects.rows.contains { $0.key.task == task && !$0.value.isSettled }
  }

  mutating func purgeEffects(olderThan age: Duration, now: Date) -> Int {
    let gone = effects.rows.filter { id, row in
      if locks.effects.contains(id) { return false }
      let isLive = tasks[id.task].map { if case .finished = $0.phase { false } else { true } } ?? false
      return row.isSettled && !row.isContradicted && row.changedAt.adding(age) <= now && !isLive && dead[id.task] == nil
    }
    let ids = gone.sorted { $0.value.changedAt < $1.value.changedAt }.prefix(Limits.page).map(\.key)
    for id in ids { effects.rows[id] = nil }
    return ids.count
  }
}
