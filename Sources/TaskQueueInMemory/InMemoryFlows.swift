@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// Journals of flows and the events that they wait for: the same rules as the functions `_record_steps`, `_await_event`, `_suspend`,
/// `_look_at_events` and `_unwind`. As every call is one step, an event is handed over at once.
package struct InMemoryFlows {
  package struct Event {
    package let payload: Data
    package let expiresAt: Date

    package init(payload: Data, expiresAt: Date) { (self.payload, self.expiresAt) = (payload, expiresAt) }
  }

  package struct Waiter: Hashable {
    package let task: TaskID
    package let step: String
  }

  private static let unwindName = "~unwind"

  package var steps: [TaskID: [FlowStep]] = [:]
  package var events: [String: Event] = [:]
  package var waiters: [String: Set<Waiter>] = [:]

  package func step(_ name: String, of task: TaskID) -> FlowStep? { steps[task]?.first { $0.name == name } }

  package mutating func set(_ step: FlowStep, of task: TaskID) {
    if let index = steps[task]?.firstIndex(where: { $0.name == step.name }) {
      steps[task]?[index] = step
    } else {
      steps[task, default: []].append(step)
    }
  }

  package func hasEvent(_ key: String, now: Date) -> Bool { events[key].map { $0.expiresAt > now } ?? false }

  mutating func forget(_ task: TaskID) {
    steps[task] = nil
    for (key, _) in waiters { waiters[key] = waiters[key]?.filter { $0.task != task } }
    waiters = waiters.filter { !$0.value.isEmpty }
  }

  // MARK: Waits

  /// A wait that was there before keeps its end.
  mutating func wait(_ waits: [FlowWait], _ task: TaskID, now: Date) {
    for wait in waits {
      if step(wait.name, of: task) == nil {
        var step = FlowStep(wait.name, .wait, place: wait.place)
        switch wait.end {
        case .after(let duration): step.until = now.adding(max(.zero, duration))
        case .at(let instant): step.until = instant
        case .never: break
        }
        set(step, of: task)
      }
      guard let key = wait.event else { continue }
      waiters[key, default: []].insert(Waiter(task: task, step: wait.name))
      handOver(key, now: now)
    }
  }

  /// When the first of these waits ends: at once, if one of them is decided.
  func dueAt(_ waits: [FlowWait], _ task: TaskID, now: Date) -> Date {
    let ends = waits.map { wait in
      guard let step = step(wait.name, of: task), step.kind == .wait else { return now }
      return step.until ?? now.adding(Limits.delay)
    }
    return ends.min() ?? now
  }

  /// - Returns: the tasks that got the event.
  @discardableResult
  mutating func handOver(_ key: String, now: Date) -> [TaskID] {
    guard let event = events[key], event.expiresAt > now, let waiting = waiters.removeValue(forKey: key) else {
      return []
    }
    for waiter in waiting {
      guard var step = step(waiter.step, of: waiter.task), step.kind == .wait else { continue }
      (step.kind, step.value, step.until) = (.event, event.payload, nil)
      set(step, of: waiter.task)
    }
    return waiting.map(\.task)
  }

  // MARK: Undoing

  package func isUnwinding(_ task: TaskID) -> Bool { step(Self.unwindName, of: task) != nil }

  /// - Returns: whether the task is to be undone before it is a dead letter.
  mutating func unwind(_ task: TaskID, _ reason: DeadLetterReason, detail: String?) -> Bool {
    guard let journal = steps[task], journal.contains(where: { $0.kind == .undo }), !isUnwinding(task) else {
      return false
    }
    var fields = ["reason": reason.rawValue]
    fields["detail"] = detail
    set(FlowStep(Self.unwindName, .unwind, place: 0, value: try? JSONEncoder().encode(fields)), of: task)
    return true
  }

  /// A redriven flow of which all is undone.
  mutating func beginAnewIfUndone(_ task: TaskID) {
    let open = (steps[task] ?? []).contains { step in
      step.kind == .undo && self.step("~undo/\(step.name.dropFirst("~on/".count))", of: task) == nil
    }
    if isUnwinding(task), !open { steps[task] = nil }
  }
}

extension InMemoryState {
  func holds(_ claim: Claim, now: Date) -> Bool {
    guard case .held(let token, let until)? = tasks[claim.id]?.phase else { return false }
    return token == claim.token && until > now
  }

  package mutating func record(_ step: FlowStep, by claim: Claim, repeats: Bool, now: Date) -> Bool {
    guard holds(claim, now: now) else { return false }
    if flows.step(step.name, of: claim.id) == nil { flows.set(step, of: claim.id) }
    forgive(claim.id)
    return true
  }

  private mutating func forgive(_ id: TaskID) {
    guard let task = tasks[id], task.failures > 0 || task.crashes > 0 else { return }
    tasks[id]?.resetCounters()
    tasks[id]?.attempt = 1
  }

  package mutating func look(
    for event: String,
    as name: String,
    place: Int,
    isOver: Bool,
    by claim: Claim,
    now: Date
  ) -> FlowEventLook {
    guard holds(claim, now: now) else { return .lost }
    let known = flows.step(name, of: claim.id)
    if let known, known.kind == .event { return .event(known) }
    if known?.kind == .timeout { return .timedOut }
    var step = FlowStep(name, .event, place: known?.place ?? place)
    if flows.hasEvent(event, now: now) {
      step.value = flows.events[event]?.payload
    } else if isOver || known?.until.map({ $0 <= now }) == true {
      step.kind = .timeout
    } else {
      return .wait
    }
    flows.set(step, of: claim.id)
    flows.waiters[event]?.remove(.init(task: claim.id, step: name))
    forgive(claim.id)
    return step.kind == .event ? .event(step) : .timedOut
  }

  package mutating func emit(_ event: FlowEvent, now: Date) -> Bool {
    guard !flows.hasEvent(event.key, now: now) else { return false }
    flows.events[event.key] = .init(payload: event.payload, expiresAt: now.adding(event.retention))
    for id in flows.handOver(event.key, now: now) {
      guard var task = tasks[id], case .scheduled = task.phase, task.dueAt > now else { continue }
      task.dueAt = now
      store(task, phase: .scheduled)
      hints.insert(.lineChanged(task.queue))
    }
    return true
  }

  mutating func suspend(_ held: InMemoryTask, _ waits: [FlowWait], now: Date) {
    var task = held
    task.resetCounters()
    task.dueAt = min(flows.dueAt(waits, task.id, now: now), task.content.deadline ?? .distantFuture)
    store(task, phase: .scheduled)
    if task.dueAt <= now { hints.insert(.lineChanged(task.queue)) }
  }

  /// Due at once, to be undone.
  mutating func unwind(_ failed: InMemoryTask, now: Date) {
    var task = failed
    task.resetCounters()
    task.rerun = nil
    task.isCancelRequested = false
    task.content.deadline = nil
    task.dueAt = now
    store(task, phase: .scheduled)
    hints.insert(.lineChanged(task.queue))
  }

  mutating func purgeFlows(now: Date) -> Int {
    let gone = flows.steps.keys.filter { id in
      if dead[id] != nil { return false }
      if case .finished? = tasks[id]?.phase { return true }
      return tasks[id] == nil
    }
    let expired = flows.events.filter { $0.value.expiresAt <= now }.keys.prefix(Limits.page)
    for key in expired { flows.events[key] = nil }
    var count = expired.count
    for id in gone.prefix(Limits.page) {
      count += flows.steps[id]?.count ?? 0
      flows.forget(id)
    }
    return count
  }
}
