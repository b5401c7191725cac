@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What an open transaction has done so far, unseen by others. Pure.
///
/// A second, small state: whatever the transaction changes is copied into it first and locked in the store's own ("live") state. The
/// rules are those of every call; only where they work is different. A commit writes the copies back. Costs O(log n) per change.
struct InMemoryChanges {
  private var emitted: [FlowEvent] = []
  private var own: InMemoryState = {
    var state = InMemoryState()
    state.limits.gives = false
    return state
  }()

  mutating func enqueue(_ task: NewTask, on live: inout InMemoryState, now: Date) -> EnqueueResult {
    if let slot = task.uniqueSlot {
      // No lock: a duplicate must not hold up the outcome of the task that is there.
      if !live.locks.slots.contains(slot), task.unique?.mode == .keepExisting,
        let holder = live.keyHolder(of: slot, now: now)
      {
        return EnqueueResult(id: holder, isNew: false)
      }
      take(slot, from: &live)
    }
    own.limits.statuses = live.limits.statuses
    // As a sequence: an id that a rollback leaves is never given out again.
    own.lastID = live.lastID
    defer { live.lastID = own.lastID }
    return own.enqueue(task, now: now)
  }

  /// - Returns: whether the claim still held the task; otherwise nothing was changed.
  mutating func settle(_ settlement: Settlement, on live: inout InMemoryState, now: Date) -> Bool {
    own.limits.statuses = live.limits.statuses
    if live.tasks[settlement.claim.id]?.token == settlement.claim.token { take(settlement.claim.id, from: &live) }
    return own.settle(settlement, now: now)
  }

  mutating func deleteDuplicates(_ filter: DuplicateFilter, on live: inout InMemoryState, now: Date) -> Int {
    for task in live.duplicates(filter, now: now) where !live.hasUnknownEffect(task.id) { take(task.id, from: &live) }
    return own.deleteDuplicates(filter, now: now)
  }

  /// Copies the rows that it may take over, too.
  mutating func beginEffect(_ intent: EffectIntent, on live: inout InMemoryState, now: Date) -> EffectDecision {
    take(intent.claim.id, from: &live)
    let id = InMemoryEffects.ID(task: intent.claim.id, name: intent.name)
    take(id, from: &live)
    own.effects.namespace = live.effects.namespace
    for (other, _) in live.effects.rows where other.name == id.name { take(other, from: &live) }
    return own.beginEffect(intent, now: now)
  }

  mutating func endEffect(
    _ call: EffectCall,
    _ outcome: EffectOutcome,
    on live: inout InMemoryState,
    now: Date
  ) -> EffectOutcome? {
    var next: InMemoryEffects.ID? = .init(task: call.claim.id, name: call.name)
    while let id = next {
      take(id, from: &live)
      next = own.effects.rows[id]?.follows
    }
    return own.endEffect(call, outcome, now: now)
  }

  // MARK: Flows

  mutating func hold(_ claim: Claim, on live: inout InMemoryState, now: Date) -> Bool {
    take(claim.id, from: &live)
    return own.holds(claim, now: now)
  }

  mutating func record(_ step: FlowStep, by claim: Claim, on live: inout InMemoryState, now: Date) -> Bool {
    take(claim.id, from: &live)
    return own.record(step, by: claim, repeats: false, now: now)
  }

  /// First come, first served: there is one open transaction at a time, and what is emitted meanwhile outside of it is there already.
  mutating func emit(_ event: FlowEvent, on live: InMemoryState, now: Date) -> Bool {
    guard !live.flows.hasEvent(event.key, now: now), !emitted.contains(where: { $0.key == event.key }) else {
      return false
    }
    emitted.append(event)
    return true
  }

  mutating func makeGroup(
    of tasks: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    on live: inout InMemoryState,
    now: Date
  ) throws(TaskQueueError) -> GroupID {
    own.lastGroup = live.lastGroup
    defer { live.lastGroup = own.lastGroup }
    return try own.makeGroup(of: tasks, atMost: atMost, parent: parent, callback: callback, now: now)
  }

  // MARK: Inbox

  mutating func record(
    _ event: CallbackEvent,
    isRemembered: Bool,
    retention: Duration,
    on live: inout InMemoryState,
    now: Date
  ) -> Bool {
    take(event.inboxID, from: &live)
    return own.inbox.record(event, isRemembered: isRemembered, retention: retention, now: now)
  }

  mutating func claimEvents(
    source: String,
    subject: String,
    on live: inout InMemoryState,
    now: Date
  ) -> [RememberedEvent] {
    for (id, _) in live.inbox.waiting(source: source, subject: subject, now: now) { take(id, from: &live) }
    return own.inbox.claim(source: source, subject: subject, now: now)
  }

  // MARK: Commit

  /// Writes everything back and unlocks it.
  func commit(to live: inout InMemoryState) {
    var versions: [TaskID: UInt64] = [:]
    var freed: [(Int, TaskLimit)] = []
    for id in live.locks.tasks {
      guard let old = live.tasks[id] else { continue }
      versions[id] = old.version
      live.flows.steps[id] = own.flows.steps[id]
      live.detach(old)
      if let slot = old.slot, let limit = old.content.limit, own.tasks[id]?.slot != slot { freed.append((slot, limit)) }
    }
    for slot in live.locks.slots { live.slots[slot] = own.slots[slot] }
    for letter in own.dead.values { live.add(letter) }
    for var task in own.tasks.values {
      // No ticket of an earlier phase may seem current.
      task.version = max(task.version, versions[task.id] ?? 0)
      live.store(task, phase: task.phase)
    }
    for id in live.locks.effects { live.effects.rows[id] = own.effects.rows[id] }
    for id in live.locks.events { live.inbox.events[id] = own.inbox.events[id] }
    live.history.done.merge(own.history.done) { _, new in new }
    live.groups.merge(own.groups) { _, new in new }
    live.releaseLocks()
    for end in own.newEnds { live.count(end, now: live.limits.now) }
    for event in emitted { _ = live.emit(event, now: live.limits.now) }
    for (slot, limit) in freed { live.release(slot, of: limit) }
  }

  // MARK: Copies

  private mutating func take(_ slot: InMemoryState.UniqueSlot, from live: inout InMemoryState) {
    guard live.locks.slots.insert(slot).inserted, let holder = live.slots[slot] else { return }
    own.slots[slot] = holder
    take(holder, from: &live)
  }

  /// With its unique key, which its outcome may free.
  private mutating func take(_ id: TaskID, from live: inout InMemoryState) {
    guard let task = live.tasks[id], live.locks.tasks.insert(id).inserted else { return }
    own.tasks[id] = task
    own.flows.steps[id] = live.flows.steps[id]
    if let slot = task.uniqueSlot { take(slot, from: &live) }
  }

  private mutating func take(_ id: InMemoryEffects.ID, from live: inout InMemoryState) {
    if live.locks.effects.insert(id).inserted { own.effects.rows[id] = live.effects.rows[id] }
  }

  private mutating func take(_ id: InMemoryInbox.EventID, from live: inout InMemoryState) {
    if live.locks.events.insert(id).inserted { own.inbox.events[id] = live.inbox.events[id] }
  }
}
