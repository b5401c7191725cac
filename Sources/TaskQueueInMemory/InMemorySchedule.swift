@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One schedule as the in-memory store keeps it.
struct InMemorySchedule {
  var definition: ScheduleDefinition
  var declared: ScheduleDefinition?
  var isChanged = false
  var revision = 1
  var isPaused = false
  /// nil: not planned yet, or over.
  var slot: Date?
  /// nil: never again.
  var nextAt: Date? = .distantPast
  var lastSlot: Date?
  var lastTask: TaskID?
  var problem: String?

  /// To be planned from now on.
  mutating func replan() {
    revision += 1
    (slot, nextAt, problem) = (nil, .distantPast, nil)
  }

  mutating func change(to new: ScheduleDefinition) {
    let old = definition
    definition = new
    if (old.rule, old.timeZone, old.jitter) != (new.rule, new.timeZone, new.jitter) {
      replan()
    } else {
      revision += 1
      problem = nil
    }
  }

  func isDue(at now: Date) -> Bool { !isPaused && nextAt.map { $0 <= now } ?? false }

  func snapshot(_ name: String) -> TaskSchedule {
    TaskSchedule(
      name: name,
      definition: definition,
      declared: declared,
      isChanged: isChanged,
      isPaused: isPaused,
      nextSlot: isPaused ? nil : slot,
      lastSlot: lastSlot,
      lastTask: lastTask,
      problem: problem
    )
  }

  /// The task of a slot. Overlap: a unique key of the schedule; a task of the past that is made on purpose has one of its slot.
  func task(_ name: String, slot: Date, isPast: Bool) throws(TaskQueueError) -> NewTask {
    let headers = ScheduledSlot.headers(schedule: name, slot: slot)
    var options = EnqueueOptions()
    options.queue = definition.queue
    options.priority = definition.priority
    options.maxAttempts = definition.maxAttempts
    options.retry = definition.retry.map(RetryPolicy.init)
    options.headers = definition.headers.merging(headers) { $1 }
    options.limit = definition.limit
    if isPast {
      options.unique = UniqueKey("schedule:\(name)@\(headers[ScheduledSlot.slotHeader] ?? "")")
    } else if definition.overlap != .queue {
      options.unique = UniqueKey("schedule:\(name)", mode: definition.overlap == .replace ? .replace : .keepExisting)
    }
    return try NewTask(type: definition.type, json: definition.payload, options: options)
  }
}

extension InMemoryState {
  /// Whether it was as it was seen, and due.
  mutating func fire(_ firing: ScheduleFiring, now: Date) throws(TaskQueueError) -> Bool {
    guard var schedule = schedules[firing.name], schedule.revision == firing.revision, schedule.slot == firing.seenSlot,
      schedule.isDue(at: now)
    else { return false }
    defer { schedules[firing.name] = schedule }
    if let problem = firing.problem {
      schedule.problem = problem
      schedule.nextAt = now.addingTimeInterval(300)
      return true
    }
    var tasks: [NewTask] = []
    for slot in firing.slots { tasks.append(try schedule.task(firing.name, slot: slot, isPast: false)) }
    if tasks.contains(where: { isLocked($0) }) {
      // Nothing here waits for a transaction.
      schedule.nextAt = now.addingTimeInterval(1)
      return true
    }
    for (slot, task) in zip(firing.slots, tasks) {
      let result = enqueue(task, now: now)
      if result.isNew || schedule.definition.overlap == .replace {
        (schedule.lastSlot, schedule.lastTask) = (slot, result.id)
      }
    }
    (schedule.slot, schedule.nextAt, schedule.problem) = (firing.nextSlot, firing.nextAt, nil)
    return true
  }

  func dueSchedules(limit: Int, now: Date) -> [DueSchedule] {
    schedules.filter { $0.value.isDue(at: now) }
      .sorted { ($0.value.nextAt ?? now, $0.key) < ($1.value.nextAt ?? now, $1.key) }
      .prefix(max(0, limit))
      .map { name, schedule in
        DueSchedule(
          name: name,
          revision: schedule.revision,
          rule: schedule.definition.rule,
          timeZone: schedule.definition.timeZone,
          catchUp: schedule.definition.catchUp.count,
          jitter: schedule.definition.jitter,
          slot: schedule.slot
        )
      }
  }

  mutating func declare(_ name: String, _ definition: ScheduleDefinition) {
    guard var schedule = schedules[name] else {
      schedules[name] = InMemorySchedule(definition: definition, declared: definition)
      hints.insert(.schedulesChanged)
      return
    }
    schedule.declared = definition
    if !schedule.isChanged, schedule.definition != definition { schedule.change(to: definition) }
    schedules[name] = schedule
    hints.insert(.schedulesChanged)
  }

  mutating func setSchedule(_ name: String, _ definition: ScheduleDefinition) {
    hints.insert(.schedulesChanged)
    guard var schedule = schedules[name] else {
      schedules[name] = InMemorySchedule(definition: definition)
      return
    }
    guard schedule.definition != definition else { return }
    schedule.change(to: definition)
    schedule.isChanged = schedule.declared != nil
    schedules[name] = schedule
  }

  /// - Returns: whether there is such a schedule.
  mutating func pauseSchedule(_ name: String) -> Bool {
    schedules[name]?.isPaused = true
    return schedules[name] != nil
  }

  mutating func resumeSchedule(_ name: String) -> Bool {
    if schedules[name]?.isPaused == true {
      schedules[name]?.isPaused = false
      schedules[name]?.replan()
      hints.insert(.schedulesChanged)
    }
    return schedules[name] != nil
  }

  mutating func resetSchedule(_ name: String) -> Bool {
    guard var schedule = schedules[name], let declared = schedule.declared else { return false }
    schedule.change(to: declared)
    schedule.isChanged = false
    schedules[name] = schedule
    hints.insert(.schedulesChanged)
    return true
  }

  /// - Returns: in the order of the slots; empty: there is no such schedule; nil: something that it needs is locked.
  mutating func makeTasks(
    of name: String,
    slots: [Date],
    isPast: Bool,
    now: Date
  ) throws(TaskQueueError) -> [EnqueueResult]? {
    guard let schedule = schedules[name] else { return [] }
    var tasks: [NewTask] = []
    for slot in slots { tasks.append(try schedule.task(name, slot: slot, isPast: isPast)) }
    if tasks.contains(where: { isLocked($0) }) { return nil }
    return tasks.map { enqueue($0, now: now) }
  }
}

extension Date {
  var wholeSecond: Date { Date(timeIntervalSince1970: timeIntervalSince1970.rounded(.down)) }
}
