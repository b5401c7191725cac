import HeapModule
@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// The limits: rules, who has which slot, and who stands in line.
package struct InMemoryLimits {
  /// A place in line: by priority (zero where order is strict), then id.
  struct Place: Comparable {
    var priority: Int
    var id: TaskID
    var version: UInt64
    var weight: Int

    static func < (lhs: Place, rhs: Place) -> Bool { (lhs.priority, lhs.id) < (rhs.priority, rhs.id) }
  }

  /// One key of a limit.
  struct Line {
    var taken: Set<Int> = []
    var waiting = Heap<Place>()
    /// Dead letters that hold it.
    var heldBy: Set<TaskID> = []
    var isIdle: Bool { taken.isEmpty && waiting.isEmpty && heldBy.isEmpty }
  }

  var statuses: [String: LimitStatus] = [:]
  /// By ``TaskLimit/line``, as the paces.
  var lines: [TaskLimit: Line] = [:]
  var paces: [TaskLimit: Pace] = [:]
  /// The time of the call under way.
  package var now = Date.distantPast
  /// Whether it gives slots. The changes of a transaction do not.
  var gives = true

  func holdsBehindDeadLetters(_ limit: TaskLimit?) -> Bool {
    limit.flatMap { statuses[$0.name]?.rule.order.holds } ?? false
  }

  func concurrency(of limit: TaskLimit) -> Int { statuses[limit.name]?.concurrency ?? 0 }

  mutating func add(_ task: InMemoryTask) {
    guard let limit = task.content.limit else { return }
    let place = Place(
      priority: task.isOrdered ? 0 : task.priority,
      id: task.id,
      version: task.version,
      weight: limit.weight
    )
    lines[limit.line, default: Line()].waiting.insert(place)
  }

  mutating func hold(_ limit: TaskLimit, behind id: TaskID) { lines[limit.line, default: Line()].heldBy.insert(id) }
  mutating func letGo(_ limit: TaskLimit, of id: TaskID) { lines[limit.line]?.heldBy.remove(id) }

  /// - Throws: `unknownLimit` for the first one that was never declared.
  func check(_ limits: [TaskLimit]) throws(TaskQueueError) {
    for limit in limits where statuses[limit.name] == nil {
      throw .unknownLimit(limit.name)
    }
  }
}

extension InMemoryState {
  /// Puts a due task in line, and admits who can be.
  mutating func queueUp(_ changed: InMemoryTask) {
    guard let limit = changed.content.limit else { return }
    store(changed, phase: .inLine)
    if limits.hasRate(limit) { hints.insert(.lineChanged(changed.queue)) }
    admit(limit)
  }

  /// Whether a task that was just put into its phase has no use for its slot any more.
  func releasesSlot(_ task: InMemoryTask) -> Bool {
    switch task.phase {
    case .scheduled: !task.isOrdered
    case .finished: true
    case .inLine, .ready, .held: false
    }
  }

  mutating func release(_ slot: Int, of limit: TaskLimit) {
    limits.lines[limit.line]?.taken.remove(slot)
    admit(limit)
  }

  /// Gives free slots to the first in line. Passes over what the open transaction has changed; in strict order it waits for that.
  ///
  /// - Parameter isClaim: whether a claim asks: only then a limit with a rate admits, so that nothing is charged long before it can start.
  mutating func admit(_ limit: TaskLimit, isClaim: Bool = false) {
    let limit = limit.line
    guard limits.gives, isClaim || !limits.hasRate(limit), !limits.isClosed(limit), var line = limits.lines[limit]
    else { return }
    let concurrency = limits.concurrency(of: limit)
    var passed: [InMemoryLimits.Place] = []
    var admitted: [InMemoryTask] = []
    while line.heldBy.isEmpty, line.taken.count < concurrency,
      let slot = (1...concurrency).first(where: { !line.taken.contains($0) }),
      let place = line.waiting.popMin()
    {
      guard var task = tasks[place.id], task.version == place.version else { continue }
      guard !locks.tasks.contains(place.id) else {
        passed.append(place)
        if task.isOrdered { break }
        continue
      }
      // Whose deadline has passed is not charged: the claim that takes it makes it a dead letter.
      if !limits.isLate(task) {
        guard let stamp = limits.charge(task.content.limit ?? limit, within: .zero) else {
          passed.append(place)
          break
        }
        task.dueAt = max(task.dueAt, stamp)
      }
      line.taken.insert(slot)
      task.slot = slot
      admitted.append(task)
    }
    for place in passed { line.waiting.insert(place) }
    limits.lines[limit] = line.isIdle ? nil : line
    for task in admitted { store(task, phase: .ready) }
  }

  /// Those that wait for a time.
  mutating func admitPaced() { for limit in limits.pacedLines { admit(limit, isClaim: true) } }

  mutating func admitAll() { for limit in Array(limits.lines.keys) { admit(limit) } }

  /// A task that is due again keeps its slot, unless the limit was lowered below it.
  func keepsSlot(_ task: InMemoryTask) -> Bool {
    guard let slot = task.slot, let limit = task.content.limit, limits.gives else { return true }
    return slot <= limits.concurrency(of: limit) && !limits.isClosed(limit)
  }

  package mutating func declare(_ rules: [LimitRule]) {
    for rule in rules {
      var status = limits.statuses[rule.name] ?? LimitStatus(rule: rule)
      status.rule = rule
      if rule.order.isOrdered { (status.operatorConcurrency, status.operatorRate) = (nil, nil) }
      limits.set(status)
      limitChanged(rule.name)
    }
  }

  mutating func change(_ name: String, _ change: LimitChange) throws(TaskQueueError) {
    guard var status = limits.statuses[name] else {
      throw .unknownLimit(name)
    }
    switch change {
    case .set(let concurrency):
      guard !status.rule.order.isOrdered || concurrency == 1 else {
        throw TaskQueueError(.invalidOption, "An ordered limit lets one task run at a time.")
      }
      status.operatorConcurrency = concurrency
    case .setRate(let rate):
      guard !status.rule.order.isOrdered else {
        throw TaskQueueError(.invalidOption, "An ordered limit has no rate.")
      }
      status.operatorRate = rate
    case .pause: status.isPaused = true
    case .resume: status.isPaused = false
    case .reset: (status.operatorConcurrency, status.operatorRate, status.isPaused) = (nil, nil, false)
    }
    limits.set(status)
    limitChanged(name)
  }

  /// What nobody holds above a lowered limit goes back in line; a raised one admits.
  private mutating func limitChanged(_ name: String) {
    for task in tasks.values
    where task.content.limit?.name == name && !keepsSlot(task) && !locks.tasks.contains(task.id) {
      if case .ready = task.phase { leaveSlot(task) }
    }
    for limit in Array(limits.lines.keys) where limit.name == name { admit(limit) }
  }

  /// Back in line.
  mutating func leaveSlot(_ changed: InMemoryTask) {
    guard let slot = changed.slot, let limit = changed.content.limit else { return }
    var task = changed
    task.slot = nil
    limits.lines[limit.line]?.taken.remove(slot)
    store(task, phase: .ready)
  }
}
