import HeapModule
@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Everything the in-memory store knows, and its rules; no locks, no clock, no I/O. Every call is told the time.
///
/// A claim costs O(log n) per task: each queue has a lane per task type with three heaps. A heap's tickets are dropped
/// lazily: one whose version is not its task's any more is stale.
package struct InMemoryState {
  package struct UniqueSlot: Hashable {
    var queue: QueueName
    var key: String
  }

  /// A task's place in a heap: by priority (zero where that does not matter), instant, id.
  struct Ticket: Comparable {
    var priority: Int
    var instant: Date
    var id: TaskID
    var version: UInt64

    static func < (lhs: Ticket, rhs: Ticket) -> Bool {
      (lhs.priority, lhs.instant, lhs.id) < (rhs.priority, rhs.instant, rhs.id)
    }
  }

  /// The tasks of one type in one queue.
  struct Lane {
    /// May be claimed; by priority, due time, id.
    var ready = Heap<Ticket>()
    /// By due time.
    var scheduled = Heap<Ticket>()
    /// By the end of the lease.
    var held = Heap<Ticket>()
  }

  /// Live tasks and finished ones that keep their key.
  package var tasks: [TaskID: InMemoryTask] = [:]
  package var dead: [TaskID: InMemoryDeadTask] = [:]
  var slots: [UniqueSlot: TaskID] = [:]
  var lanes: [QueueName: [TaskType: Lane]] = [:]
  package var paused: Set<QueueName> = []
  var pausedSince: [QueueName: Date] = [:]
  var workers: [UUID: WorkerSnapshot] = [:]
  package var limits = InMemoryLimits()
  package var lastID: Int64 = 0
  var effects = InMemoryEffects()
  var inbox = InMemoryInbox()
  package var flows = InMemoryFlows()
  var history = InMemoryHistory()
  var groups: [GroupID: InMemoryGroup] = [:]
  /// What people did, latest last.
  var actions: [OperatorAction] = []
  var lastAction: Int64 = 0
  var lastGroup: Int64 = 0
  /// Of an open transaction.
  var newEnds: [InMemoryGroup.NewEnd] = []
  /// How long after its creation a task of a type may take until it is final.
  var alarmRules: [TaskType: Duration] = [:]
  var schedules: [String: InMemorySchedule] = [:]
  /// What the open transaction has changed; only it knows how.
  package var locks = InMemoryLocks()
  /// Which queue a claim begins with, so that a limit below the number of queues starves none.
  var rotation = 0
  /// What watchers are to be told after this call.
  package var hints: Set<StoreHint> = []

  package init() {}

  /// Writes the task back in a new phase and puts its ticket where that phase belongs.
  mutating func store(_ changed: InMemoryTask, phase: InMemoryTask.Phase, hints announces: Bool = true) {
    var task = changed
    if case .ready = phase, task.content.limit != nil, task.slot == nil { return queueUp(task) }
    task.phase = phase
    let given = releasesSlot(task) ? task.slot : nil
    if given != nil { task.slot = nil }
    task.version += 1
    tasks[task.id] = task
    switch phase {
    case .ready:
      add(task, to: \.ready, priority: task.priority, instant: task.dueAt)
      if announces { hints.insert(.tasksAvailable(task.queue)) }
    case .scheduled: add(task, to: \.scheduled, priority: 0, instant: task.dueAt)
    case .held(_, let until): add(task, to: \.held, priority: 0, instant: until)
    case .inLine: limits.add(task)
    case .finished: break
    }
    if let given, let limit = task.content.limit { release(given, of: limit) }
  }

  /// Removes the task and frees its key.
  mutating func remove(_ task: InMemoryTask) {
    detach(task)
    if let slot = task.slot, let limit = task.content.limit { release(slot, of: limit) }
  }

  /// ``remove(_:)`` of a task that comes back, or whose slot is given to another one later.
  mutating func detach(_ task: InMemoryTask) {
    tasks[task.id] = nil
    if let slot = task.uniqueSlot, slots[slot] == task.id { slots[slot] = nil }
  }

  mutating func bury(_ task: InMemoryTask, _ reason: DeadLetterReason, detail: String?, now: Date) {
    if flows.unwind(task.id, reason, detail: detail) { return unwind(task, now: now) }
    var letter = InMemoryDeadTask(task: task, reason: reason, detail: detail, diedAt: now)
    letter.task.rerun = nil
    letter.task.isCancelRequested = false
    letter.task.slot = nil
    // Redriven, it is a task as any other.
    letter.task.member = nil
    letter.holdsLine = task.isOrdered && reason != .cancelled && limits.holdsBehindDeadLetters(task.content.limit)
    add(letter)
    remove(task)
    noteEnd(of: task, .dead(reason, detail: detail ?? task.errors.last?.message), now: now)
  }

  mutating func add(_ letter: InMemoryDeadTask) {
    dead[letter.task.id] = letter
    if letter.holdsLine, let limit = letter.task.content.limit { limits.hold(limit, behind: letter.task.id) }
  }

  mutating func removeDead(_ letter: InMemoryDeadTask) {
    dead[letter.task.id] = nil
    guard letter.holdsLine, let limit = letter.task.content.limit else { return }
    limits.letGo(limit, of: letter.task.id)
    admit(limit)
  }

  func isCurrent(_ ticket: Ticket) -> Bool { tasks[ticket.id]?.version == ticket.version }

  private mutating func add(
    _ task: InMemoryTask,
    to heap: WritableKeyPath<Lane, Heap<Ticket>>,
    priority: Int,
    instant: Date
  ) {
    let ticket = Ticket(priority: priority, instant: instant, id: task.id, version: task.version)
    lanes[task.queue, default: [:]][task.type, default: .init()][keyPath: heap].insert(ticket)
    let count = lanes[task.queue]?[task.type]?[keyPath: heap].count ?? 0
    // Stale tickets never outnumber the tasks by more than this, however often leases are renewed.
    guard count > 2 * tasks.count + 64 else { return }
    let versions = tasks.mapValues(\.version)
    lanes[task.queue]?[task.type]?[keyPath: heap].removeAll { versions[$0.id] != $0.version }
  }
}
