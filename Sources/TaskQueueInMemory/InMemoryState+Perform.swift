@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What people do, with its line in the journal: the same lines as the functions write.
extension InMemoryState {
  /// - Returns: nil, with nothing changed: something it needs is locked.
  mutating func perform(
    _ request: OperatorRequest,
    noting note: OperatorNote,
    now: Date
  ) throws(TaskQueueError) -> OperatorOutcome? {
    switch request {
    case .cancel(let id):
      guard !locks.tasks.contains(id) else { return nil }
      let before = brief(of: id, now: now)
      let result = try cancel(id, now: now)
      let word = result == .alreadyFinished ? "finished" : result.rawValue
      add(line(.cancel, id, before, word, changed: result != .alreadyFinished), by: note, now: now)
      return .cancelled(result)
    case .retry(let id):
      guard !locks.tasks.contains(id) else { return nil }
      let before = brief(of: id, now: now)
      let result = try retry(id, now: now)
      let isChange = [.due, .redriven].contains(result)
      add(line(.retry, id, before, result.rawValue, changed: isChange), by: note, now: now)
      return .retried(result)
    case .runNow(let id, let expected):
      guard !locks.tasks.contains(id) else { return nil }
      let before = brief(of: id, now: now)
      let attempt = expected ?? tasks[id]?.attempt ?? 0
      let isDue = runNow(id, expectedAttempt: attempt, now: now)
      let line = line(.runNow, id, before, isDue ? "due" : "unchanged", changed: isDue)
      add(line.asking(["expectedAttempt": .number(attempt)]), by: note, now: now)
      return .answered(isDue)
    case .pauseQueue(let queue):
      let isNew = paused.insert(queue).inserted
      if isNew { pausedSince[queue] = now }
      let line = JournalLine(.pauseQueue, .queue(queue)).from(["paused": .truth(!isNew)])
      add(line.ending(["paused": .truth(true)]), by: note, now: now)
      return .done
    case .resumeQueue(let queue):
      let wasPaused = paused.remove(queue) != nil
      if wasPaused { hints.insert(.tasksAvailable(queue)) }
      let line = JournalLine(.resumeQueue, .queue(queue)).from(["paused": .truth(wasPaused)])
      add(line.ending(["paused": .truth(false)]), by: note, now: now)
      return .done
    case .redrive(let filter, let cursor):
      let page = redrive(filter, from: cursor, now: now)
      addWalk(.redrive, filter, page, by: note, now: now)
      return .walked(page)
    case .purge(let filter, let cursor):
      let page = purge(filter, from: cursor, now: now)
      addWalk(.purge, filter, page, by: note, now: now)
      return .walked(page)
    case .enqueue(let task):
      try limits.check([task.limit].compactMap(\.self))
      guard !isLocked(task) else { return nil }
      let result = enqueue(task, now: now)
      let line = JournalLine(.enqueue, .task(result.id), tasks: [result.id])
        .asking(["queue": .text(task.queue.rawValue), "type": .text(task.type.rawValue)])
      add(line.ending(["isNew": .truth(result.isNew)]), by: note, now: now)
      return .enqueued([result])
    case .emit(let event):
      guard !(flows.waiters[event.key]?.contains { locks.tasks.contains($0.task) } ?? false) else { return nil }
      let counts = emit(event, now: now)
      add(JournalLine(.emit, .event(event.key)).ending(["counts": .truth(counts)]), by: note, now: now)
      return .answered(counts)
    case .resolveEffect(let name, let task, let resolution):
      return resolve(name, of: task, as: resolution, by: note, now: now)
    case .changeLimit, .pauseLimit: return try performOnLimit(request, noting: note, now: now)
    case .setSchedule, .pauseSchedule, .resumeSchedule, .resetSchedule, .removeSchedule, .runSchedule,
      .backfillSchedule:
      return try performOnSchedule(request, noting: note, now: now)
    }
  }

  private mutating func retry(_ id: TaskID, now: Date) throws(TaskQueueError) -> RetryResult {
    guard isKnown(id) else { throw TaskQueueError(.unknownTask, "There never was a task with id \(id).") }
    if let task = tasks[id] {
      switch task.phase {
      case .finished: return .finished
      case .held(_, let until) where until > now: return .running
      case .scheduled, .inLine, .ready, .held:
        _ = runNow(id, expectedAttempt: task.attempt, now: now)
        return .due
      }
    }
    guard dead[id] != nil else { return .finished }
    return redrive(DeadLetterFilter(ids: [id]), from: nil, now: now).ids.isEmpty ? .keyTaken : .redriven
  }

  private mutating func resolve(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution,
    by note: OperatorNote,
    now: Date
  ) -> OperatorOutcome? {
    let id = InMemoryEffects.ID(task: task, name: name)
    guard !locks.effects.contains(id) else { return nil }
    let before = effects.rows[id]?.state
    let result = resolveEffect(name, of: task, as: resolution, now: now)
    guard let before, let after = effects.rows[id]?.state else { return .resolved(result) }
    var request: [String: JournalValue] = ["effect": .text(name.rawValue)]
    switch resolution {
    case .succeeded: request["outcome"] = .text("succeeded")
    case .failed(let reason): (request["outcome"], request["reason"]) = (.text("failed"), .text(reason))
    case .didNotHappen: request["outcome"] = .text("open")
    }
    let line = JournalLine(.resolveEffect, .task(task), tasks: result == .resolved ? [task] : []).asking(request)
      .from(["state": .text(before.rawValue)])
    add(
      line.ending(["result": .text(result.rawValue), "state": .text(after.rawValue)]),
      by: note,
      now: now
    )
    return .resolved(result)
  }

  private mutating func performOnLimit(
    _ request: OperatorRequest,
    noting note: OperatorNote,
    now: Date
  ) throws(TaskQueueError) -> OperatorOutcome? {
    switch request {
    case .changeLimit(let name, let change):
      let before = brief(ofLimit: name)
      try self.change(name, change)
      var request: [String: JournalValue] = [:]
      let verb: OperatorAction.Verb
      switch change {
      case .set(let concurrency): (verb, request["concurrency"]) = (.setLimit, .number(concurrency))
      case .setRate(let rate):
        verb = .setLimit
        request["rate"] = .number(rate.count)
        request["periodSeconds"] = .seconds(rate.period / .seconds(1))
        request["burst"] = .number(rate.burst)
      case .pause: verb = .pauseLimit
      case .resume: verb = .resumeLimit
      case .reset: verb = .resetLimit
      }
      let line = JournalLine(verb, .limit(name)).asking(request).from(before)
      add(line.ending(brief(ofLimit: name)), by: note, now: now)
    case .pauseLimit(let limit, let duration):
      try pause(limit, for: duration, now: now)
      let line = JournalLine(.pauseLimitFor, .limit(limit.name))
      let request: [String: JournalValue] = ["key": .text(limit.key), "seconds": .seconds(duration / .seconds(1))]
      add(line.asking(request), by: note, now: now)
    default: preconditionFailure("no limit is concerned")
    }
    return .done
  }

  private mutating func performOnSchedule(
    _ request: OperatorRequest,
    noting note: OperatorNote,
    now: Date
  ) throws(TaskQueueError) -> OperatorOutcome? {
    switch request {
    case .setSchedule(let name, let definition):
      try limits.check([definition.limit].compactMap(\.self))
      let before = brief(ofSchedule: name)
      setSchedule(name, definition)
      addSchedule(.setSchedule, name, before, by: note, now: now)
      return .done
    case .pauseSchedule(let name):
      let before = brief(ofSchedule: name)
      guard pauseSchedule(name) else { return .answered(false) }
      addSchedule(.pauseSchedule, name, before, by: note, now: now)
    case .resumeSchedule(let name):
      let before = brief(ofSchedule: name)
      guard resumeSchedule(name) else { return .answered(false) }
      addSchedule(.resumeSchedule, name, before, by: note, now: now)
    case .resetSchedule(let name):
      let before = brief(ofSchedule: name)
      guard resetSchedule(name) else { return .answered(false) }
      addSchedule(.resetSchedule, name, before, by: note, now: now)
    case .removeSchedule(let name):
      let before = brief(ofSchedule: name)
      guard schedules.removeValue(forKey: name) != nil else { return .answered(false) }
      addSchedule(.removeSchedule, name, before, by: note, now: now)
    case .runSchedule(let name):
      guard let results = try makeTasks(of: name, slots: [now.wholeSecond], isPast: false, now: now) else { return nil }
      addMade(.runSchedule, name, results, [:], by: note, now: now)
      return .enqueued(results)
    case .backfillSchedule(let name, let slots):
      guard let results = try makeTasks(of: name, slots: slots, isPast: true, now: now) else { return nil }
      addMade(.backfillSchedule, name, results, ["slots": .number(slots.count)], by: note, now: now)
      return .enqueued(results)
    default: preconditionFailure("no schedule is concerned")
    }
    return .answered(true)
  }

  // MARK: Lines

  private func line(
    _ verb: OperatorAction.Verb,
    _ id: TaskID,
    _ before: [String: JournalValue]?,
    _ result: String,
    changed isChange: Bool
  ) -> JournalLine {
    JournalLine(verb, .task(id), tasks: isChange ? [id] : []).from(before).ending(["result": .text(result)])
  }

  private mutating func addWalk(
    _ verb: OperatorAction.Verb,
    _ filter: DeadLetterFilter,
    _ page: DeadLetterPage,
    by note: OperatorNote,
    now: Date
  ) {
    guard !page.ids.isEmpty else { return }
    let line = JournalLine(verb, .deadLetters, tasks: page.ids).asking(filter.journalled)
    add(line.ending(["count": .number(page.ids.count)]), by: note, now: now)
  }

  private mutating func addSchedule(
    _ verb: OperatorAction.Verb,
    _ name: String,
    _ before: [String: JournalValue]?,
    by note: OperatorNote,
    now: Date
  ) {
    let line = JournalLine(verb, .schedule(name)).from(before)
    add(line.ending(brief(ofSchedule: name)), by: note, now: now)
  }

  private mutating func addMade(
    _ verb: OperatorAction.Verb,
    _ name: String,
    _ results: [EnqueueResult],
    _ request: [String: JournalValue],
    by note: OperatorNote,
    now: Date
  ) {
    guard !results.isEmpty else { return }
    let line = JournalLine(verb, .schedule(name), tasks: results.map(\.id).sorted()).asking(request)
    add(line.ending(["new": .number(results.count { $0.isNew })]), by: note, now: now)
  }

  private mutating func add(_ line: JournalLine, by note: OperatorNote, now: Date) {
    lastAction += 1
    actions.append(
      OperatorAction(
        id: lastAction,
        at: now,
        actor: note.actor,
        role: "",
        verb: line.verb,
        target: line.target,
        reason: note.reason.flatMap { $0.isEmpty ? nil : $0 },
        request: line.request?.json,
        before: line.before?.json,
        after: line.after?.json,
        tasks: Array(line.tasks.prefix(OperatorAction.maxTasks)),
        taskCount: line.tasks.count
      )
    )
  }

  private func brief(of id: TaskID, now: Date) -> [String: JournalValue]? {
    guard let task = tasks[id] ?? dead[id]?.task else { return nil }
    var brief: [String: JournalValue] = [
      "state": .text(dead[id] == nil ? task.state(now: now).rawValue : TaskState.dead.rawValue),
      "queue": .text(task.queue.rawValue), "type": .text(task.type.rawValue),
      "attempt": .number(task.attempt), "failures": .number(task.failures),
    ]
    if let reason = dead[id]?.reason { brief["reason"] = .text(reason.rawValue) }
    return brief
  }

  private func brief(ofLimit name: String) -> [String: JournalValue]? {
    guard let status = limits.statuses[name] else { return nil }
    var brief: [String: JournalValue] = [
      "concurrency": .number(status.operatorConcurrency ?? status.rule.concurrency), "paused": .truth(status.isPaused),
      "set": .truth(status.operatorConcurrency != nil || status.operatorRate != nil),
    ]
    if let rate = status.rate {
      brief["rate"] = .number(rate.count)
      brief["periodSeconds"] = .seconds(rate.period / .seconds(1))
      brief["burst"] = .number(rate.burst)
    }
    return brief
  }

  private func brief(ofSchedule name: String) -> [String: JournalValue]? {
    guard let schedule = schedules[name] else { return nil }
    return [
      "rule": .text(schedule.definition.rule), "timeZone": .text(schedule.definition.timeZone),
      "type": .text(schedule.definition.type.rawValue), "paused": .truth(schedule.isPaused),
      "changed": .truth(schedule.isChanged),
    ]
  }

  // MARK: Upkeep

  mutating func dropExpired(by retention: RetentionConfiguration, now: Date) -> RetentionReport {
    var report = RetentionReport()
    if let age = retention.deadLetters { report.deadLetters = dropDeadLetters(olderThan: age, now: now) }
    if let age = retention.effects { report.effects = purgeEffects(olderThan: age, now: now) }
    if let age = retention.actions {
      let kept = actions.prefix(Limits.page).prefix { $0.at.adding(age) <= now }
      report.actions = kept.count
      actions.removeFirst(kept.count)
    }
    report.inboxEvents = purgeExpiredEvents(now: now)
    return report
  }

  /// Those that hold up a line stay, and those with an effect whose outcome nobody knows.
  private mutating func dropDeadLetters(olderThan age: Duration, now: Date) -> Int {
    let open = Set(effectRecords(now: now) { _, row in row.isContradicted || !row.isSettled }.map(\.task))
    let old = dead.values.filter { $0.diedAt.adding(age) <= now && !$0.holdsLine && !open.contains($0.task.id) }
    let doomed = old.sorted { ($0.diedAt, $0.task.id) < ($1.diedAt, $1.task.id) }.prefix(Limits.page)
    for letter in doomed { removeDead(letter) }
    return doomed.count
  }
}
