@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The same rules as the function `explain`.
extension InMemoryState {
  /// By name.
  func presentWorkers(now: Date) -> [WorkerSnapshot] {
    workers.values.filter { $0.seenAt > now.adding(.zero - WorkerTimes.goneAfter) }
      .sorted { ($0.name, $0.id.uuidString) < ($1.name, $1.id.uuidString) }
  }

  func causes(of id: TaskID, now: Date) -> [TaskExplanation.Cause] {
    guard let task = tasks[id] else {
      if let letter = dead[id] {
        return [
          .dead(
            letter.reason,
            detail: letter.detail,
            lastError: letter.task.errors.last?.message,
            at: letter.diedAt
          )
        ]
      }
      if let done = history.done[id], done.expiresAt > now {
        return [.done(at: done.doneAt, keptUntil: done.expiresAt)]
      }
      return [isKnown(id) ? .gone : .unknown]
    }
    let serving = presentWorkers(now: now).filter { $0.queues.contains(task.queue) }
    let fitting = serving.filter { $0.types.contains(task.type) }
    let again: [TaskExplanation.Cause] = task.rerun == nil ? [] : [.runsAgain]
    var waiting: [TaskExplanation.Cause] = []
    switch task.phase {
    case .finished(let keyUntil): return [.finished(keyUntil: keyUntil)]
    case .held(_, let until) where until > now:
      let names = Array(fitting.map(\.name).prefix(TaskExplanation.maxNames))
      let holder = holder(of: id, attempt: task.attempt, now: now)
      return [.running(attempt: task.attempt, leaseUntil: until, workers: names, holder: holder)]
        + (task.isCancelRequested ? [.cancelRequested(isRunning: true)] : []) + again
    case .inLine: waiting = lineCauses(of: task, now: now)
    case .scheduled where task.dueAt > now:
      waiting = task.attempt == 0 ? flowCauses(of: id, now: now) : []
      // As makeGroup leaves those whose turn has not come.
      if waiting.isEmpty, let member = task.member, task.dueAt > now.adding(Limits.delay / 2) {
        waiting = [.turn(member.group, isCallback: member.number == 0)]
      }
      if waiting.isEmpty {
        waiting = [
          task.attempt == 0
            ? .delayed(until: task.dueAt)
            : .retrying(afterAttempt: task.attempt, until: task.dueAt, lastError: task.errors.last?.message)
        ]
      }
    case .scheduled, .ready, .held: break
    }
    if paused.contains(task.queue) { waiting.append(.queuePaused(task.queue, since: pausedSince[task.queue] ?? now)) }
    if serving.isEmpty {
      waiting.append(.noWorker(task.queue))
    } else if fitting.isEmpty {
      waiting.append(.noWorkerForType(task.type, task.queue, workers: serving.count))
    }
    var coming: [TaskExplanation.Cause] = []
    if task.isCancelRequested { coming.append(.cancelRequested(isRunning: false)) }
    if let deadline = task.content.deadline, deadline <= now { coming.append(.deadlinePassed(at: deadline)) }
    if case .held(_, let until) = task.phase { coming.append(.leaseEnded(attempt: task.attempt, at: until)) }
    if !waiting.isEmpty { return waiting + coming + again }
    let before = count(before: task, types: Set(fitting.flatMap(\.types)), now: now)
    if before > 0 {
      let most = TaskExplanation.maxCount
      return coming + again + [.behind(count: min(before, most), isMore: before > most)]
    }
    return coming.isEmpty ? again + [.next] : coming + again
  }

  /// The last one to say so has it.
  private func holder(of id: TaskID, attempt: Int, now: Date) -> TaskHolder? {
    let holders = presentWorkers(now: now).compactMap { worker in
      worker.held.first { $0.task == id && $0.attempt == attempt }.map { held in
        TaskHolder(worker: worker.name, since: held.since, seenAt: worker.seenAt)
      }
    }
    return holders.max { $0.since < $1.since }
  }

  /// Due ones of its queue.
  private func count(before task: InMemoryTask, types: Set<TaskType>, now: Date) -> Int {
    tasks.values.count { other in
      guard other.queue == task.queue, types.contains(other.type), other.state(now: now) == .due else { return false }
      return (other.priority, other.dueAt, other.id) < (task.priority, task.dueAt, task.id)
    }
  }

  private func lineCauses(of task: InMemoryTask, now: Date) -> [TaskExplanation.Cause] {
    guard let limit = task.content.limit?.line, let status = limits.statuses[limit.name] else { return [] }
    var causes: [TaskExplanation.Cause] = status.isPaused ? [.limitPaused(limit)] : []
    let line = tasks.values.filter { $0.content.limit?.line == limit }
    func rank(_ task: InMemoryTask) -> (Int, TaskID) { (task.isOrdered ? 0 : task.priority, task.id) }
    func isLate(_ task: InMemoryTask) -> Bool { task.content.deadline.map { $0 <= now } ?? false }
    let first = line.filter { if case .inLine = $0.phase { !isLate($0) } else { false } }.min { rank($0) < rank($1) }
    if let paused = limits.paces[limit]?.pausedUntil, paused > now {
      causes.append(.limitClosed(limit, until: paused))
    } else if !isLate(task), let stamp = limits.nextStamp(first?.content.limit ?? limit, at: now), stamp > now {
      causes.append(.limitRate(limit, at: stamp, isAdmitted: false))
    }
    if let letter = limits.lines[limit]?.heldBy.min() { causes.append(.limitHeld(limit, deadLetter: letter)) }
    let holding = line.filter { $0.slot != nil }.sorted { $0.slot ?? 0 < $1.slot ?? 0 }
    for holder in holding {
      guard case .scheduled = holder.phase, holder.dueAt > now else { continue }
      causes.append(.limitWaits(limit, task: holder.id, until: holder.dueAt))
      break
    }
    let place = line.count { if case .inLine = $0.phase { rank($0) <= rank(task) } else { false } }
    let most = TaskExplanation.maxCount
    causes.append(
      .limited(
        limit,
        place: min(place, most),
        isMore: place > most,
        taken: holding.count,
        slots: status.operatorConcurrency ?? status.rule.concurrency,
        holders: holding.prefix(TaskExplanation.maxNames).map { holder in
          if case .held(_, let until) = holder.phase, until > now { return .init(task: holder.id, until: until) }
          return .init(task: holder.id, until: nil)
        }
      )
    )
    return causes
  }
}

extension InMemoryState {
  /// What a flow waits for, the first to end first.
  private func flowCauses(of task: TaskID, now: Date) -> [TaskExplanation.Cause] {
    let waits = (flows.steps[task] ?? []).filter { $0.kind == .wait && $0.until.map { $0 > now } ?? true }
    let inOrder = waits.sorted { ($0.until ?? .distantFuture, $0.place) < ($1.until ?? .distantFuture, $1.place) }
    return inOrder.prefix(TaskExplanation.maxNames).compactMap { step in
      let waiter = InMemoryFlows.Waiter(task: task, step: step.name)
      if let key = flows.waiters.first(where: { $0.value.contains(waiter) })?.key {
        guard let id = GroupRules.group(ofKey: key), let progress = groups[id]?.progress else {
          return .event(key, until: step.until)
        }
        return .children(id, ended: progress.ended, of: progress.total, until: step.until)
      }
      return step.until.map { .sleeping(step: step.name, until: $0) }
    }
  }
}
