@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension OperatingConformance {
  static let actions: [Check] = [
    Check("S73 each action on a task leaves one line: who, when, why, what was before and after") { probe in
      let id = try await probe.tasks.enqueue { $0.schedule = .after(.seconds(3_600)) }.id
      guard case .retried(.due) = try await probe.perform(.retry(id)) else {
        throw ConformanceFailure("a waiting task was not made due")
      }
      let retried = try await probe.lastAction()
      try requireEqual(retried.verb, .retry, "verb")
      try requireEqual(retried.actor, "ann", "actor")
      try requireEqual(retried.reason, "a test", "reason")
      try requireEqual(retried.target, .task(id), "target")
      try requireEqual(retried.tasks, [id], "tasks")
      try requireEqual(OperatingProbe.text(retried.before, "state"), "waiting", "state before")
      try requireEqual(OperatingProbe.text(retried.after, "result"), "due", "result")
      guard case .cancelled(.cancelled) = try await probe.perform(.cancel(id), .init(actor: "bob", reason: nil)) else {
        throw ConformanceFailure("a due task was not cancelled")
      }
      let cancelled = try await probe.lastAction()
      try requireEqual(cancelled.actor, "bob", "the other actor")
      try require(cancelled.reason == nil && cancelled.id > retried.id, "it has a reason, or an older id")
      guard case .cancelled(.alreadyFinished) = try await probe.perform(.cancel(id)) else {
        throw ConformanceFailure("a dead letter was cancelled")
      }
      let vain = try await probe.lastAction()
      try requireEqual(OperatingProbe.text(vain.after, "result"), "finished", "a vain one's result")
      try requireEqual(vain.tasks, [], "what a vain one changed")
      guard case .retried(.redriven) = try await probe.perform(.retry(id)) else {
        throw ConformanceFailure("a dead letter was not redriven")
      }
      guard case .answered(true) = try await probe.perform(.runNow(id, expectedAttempt: nil)) else {
        throw ConformanceFailure("a task that is due does not run now")
      }
      guard case .answered(false) = try await probe.perform(.runNow(id, expectedAttempt: 7)) else {
        throw ConformanceFailure("a task with another attempt runs now")
      }
      try requireEqual(try await probe.actions(about: .task(id)).count, 6, "lines about the task")
      try requireEqual(try await probe.detail(id).actions.count, 6, "lines in its detail")
      let code = try await StoreProbe.errorCode { try await probe.perform(.cancel(TaskID(99_999))) }
      try requireEqual(code, .unknownTask, "of one that never was")
      try requireEqual(try await probe.actions().count, 6, "lines after one that was refused")
    },
    Check("S73 one line tells of many: what was asked for, how many and which") { probe in
      var ids: [TaskID] = []
      for _ in 0..<3 { ids.append(try await probe.tasks.bury()) }
      _ = try await probe.tasks.bury(StoreProbe.otherType)
      let filter = DeadLetterFilter(type: StoreProbe.type)
      guard case .walked(let page) = try await probe.perform(.redrive(filter, from: nil)) else {
        throw ConformanceFailure("a redrive answered something else")
      }
      try requireEqual(page.ids, ids, "redriven")
      let line = try await probe.lastAction()
      try requireEqual(line.verb, .redrive, "verb")
      try requireEqual(line.target, .deadLetters, "target")
      try requireEqual(line.tasks, ids, "its tasks")
      try requireEqual(line.taskCount, 3, "how many")
      try requireEqual(OperatingProbe.text(line.request, "type"), StoreProbe.type.rawValue, "the filter")
      try requireEqual(try await probe.actions(about: .task(ids[1])).map(\.id), [line.id], "lines about one of them")
      guard case .walked(let none) = try await probe.perform(.redrive(filter, from: nil)) else {
        throw ConformanceFailure("a redrive answered something else")
      }
      try requireEqual(none.ids, [], "redriven again")
      try requireEqual(try await probe.actions().count, 1, "lines after a page that brought none")
      try await probe.perform(.purge(.all, from: nil))
      try requireEqual(try await probe.lastAction().verb, .purge, "a purge")
      try requireEqual(try await probe.lastAction().taskCount, 1, "purged")
    },
    Check("S73 queues, limits, events and effects have their lines") { probe in
      try await probe.perform(.pauseQueue("mail"))
      try requireEqual(try await probe.store.pausedQueues(), ["mail"], "paused queues")
      try requireEqual(OperatingProbe.text(try await probe.lastAction().before, "paused"), "false", "paused before")
      try await probe.perform(.resumeQueue("mail"))
      try requireEqual(OperatingProbe.text(try await probe.lastAction().before, "paused"), "true", "paused before it")
      try requireEqual(try await probe.actions(about: .queue("mail")).count, 2, "lines of the queue")

      try await probe.store.declare([LimitRule("bank", concurrency: 5)])
      try await probe.perform(.changeLimit("bank", .set(3)))
      let set = try await probe.lastAction()
      try requireEqual(OperatingProbe.text(set.request, "concurrency"), "3", "what was asked for")
      try requireEqual(OperatingProbe.text(set.before, "concurrency"), "5", "the limit before")
      try requireEqual(OperatingProbe.text(set.after, "concurrency"), "3", "the limit after")
      try await probe.perform(.changeLimit("bank", .setRate(LimitRate(10))))
      try await probe.perform(.changeLimit("bank", .pause))
      try await probe.perform(.changeLimit("bank", .resume))
      try await probe.perform(.changeLimit("bank", .reset))
      try await probe.perform(.pauseLimit(TaskLimit("bank", key: "7"), for: .seconds(60)))
      try requireEqual(
        try await probe.actions(about: .limit("bank")).map(\.verb),
        [.pauseLimitFor, .resetLimit, .resumeLimit, .pauseLimit, .setLimit, .setLimit],
        "lines of the limit"
      )
      let unknown = try await StoreProbe.errorCode { try await probe.perform(.changeLimit("x", .pause)) }
      try requireEqual(unknown, .unknownLimit, "of no limit")

      let event = try FlowEvent("paid/7", json: Data("1".utf8), retention: .seconds(60))
      guard case .answered(true) = try await probe.perform(.emit(event)) else {
        throw ConformanceFailure("an event does not count")
      }
      try requireEqual(try await probe.lastAction().target, .event("paid/7"), "target of an event")

      let (task, name) = try await probe.withEffect()
      try await probe.tasks.settleHeld(task, .bury(.failed, detail: nil, nil))
      let outcome = try await probe.perform(.resolveEffect(name, of: task.claim.id, as: .succeeded(Data("1".utf8))))
      guard case .resolved(.resolved) = outcome else { throw ConformanceFailure("an effect was not resolved") }
      let resolved = try await probe.lastAction()
      try requireEqual(resolved.target, .task(task.claim.id), "target of a resolution")
      try requireEqual(OperatingProbe.text(resolved.request, "effect"), "charge", "which effect")
      try requireEqual(OperatingProbe.text(resolved.after, "state"), "succeeded", "its state")
    },
    Check("S73 enqueues and schedules have their lines") { probe in
      let task = try probe.tasks.newTask()
      guard case .enqueued(let made) = try await probe.perform(.enqueue(task)) else {
        throw ConformanceFailure("an enqueue answered something else")
      }
      try requireEqual(try await probe.lastAction().tasks, made.map(\.id), "the task that was made")
      let rule = try ScheduleRule.every(.seconds(3_600), anchor: Date(timeIntervalSince1970: 0))
      let definition = try ScheduleDefinition(rule, "{}", as: StoreProbe.type)
      try await probe.perform(.setSchedule("nightly", definition))
      try require(try await probe.lastAction().before == nil, "there was no such schedule")
      try await probe.perform(.pauseSchedule("nightly"))
      try requireEqual(OperatingProbe.text(try await probe.lastAction().after, "paused"), "true", "paused")
      try await probe.perform(.resumeSchedule("nightly"))
      guard case .enqueued(let run) = try await probe.perform(.runSchedule("nightly")) else {
        throw ConformanceFailure("a run answered something else")
      }
      try requireEqual(run.count, 1, "tasks of a run")
      let slots = [Date(timeIntervalSince1970: 3_600), Date(timeIntervalSince1970: 7_200)]
      guard case .enqueued(let past) = try await probe.perform(.backfillSchedule("nightly", slots: slots)) else {
        throw ConformanceFailure("a back-fill answered something else")
      }
      try requireEqual(try await probe.lastAction().tasks, past.map(\.id), "back-filled")
      guard case .answered(false) = try await probe.perform(.resetSchedule("nightly")) else {
        throw ConformanceFailure("a schedule that nobody declares was reset")
      }
      try await probe.perform(.removeSchedule("nightly"))
      try requireEqual(
        try await probe.actions(about: .schedule("nightly")).map(\.verb),
        [.removeSchedule, .backfillSchedule, .runSchedule, .resumeSchedule, .pauseSchedule, .setSchedule],
        "lines of the schedule"
      )
      guard case .answered(false) = try await probe.perform(.pauseSchedule("nightly")) else {
        throw ConformanceFailure("a schedule that is not there was paused")
      }
    },
    Check("S74 pages of the journal go on where the one before ended") { probe in
      for number in 0..<5 { try await probe.perform(.pauseQueue(QueueName("q\(number)"))) }
      let first = try await probe.operating.actions(before: nil, about: nil, limit: 2)
      try requireEqual(first.map(\.target), [.queue("q4"), .queue("q3")], "the first page")
      let rest = try await probe.operating.actions(before: first[1].id, about: nil, limit: 10)
      try requireEqual(rest.map(\.target), [.queue("q2"), .queue("q1"), .queue("q0")], "the rest")
    },
  ]

  static let retention: [Check] = [
    Check("S75 dead letters go after their time, but not those with an effect of which nobody knows") { probe in
      let old = try await probe.tasks.bury()
      let (task, name) = try await probe.withEffect()
      try await probe.tasks.settleHeld(task, .bury(.failed, detail: nil, nil))
      try await probe.tasks.advance(by: .seconds(90 * 86_400))
      let young = try await probe.tasks.bury()
      let forever = try await probe.keeper.dropExpired(by: .forever, within: .seconds(60))
      try requireEqual(forever, RetentionReport(), "dropped of what is kept for ever")
      let report = try await probe.keeper.dropExpired(by: .init(), within: .seconds(60))
      try requireEqual(report.deadLetters, 1, "dead letters dropped")
      try await probe.tasks.requireGone(old)
      _ = try await probe.tasks.dead(task.claim.id)
      _ = try await probe.tasks.dead(young)
      _ = try await probe.ledger.resolveEffect(name, of: task.claim.id, as: .failed(reason: "it never arrived"))
      let later = try await probe.keeper.dropExpired(by: .init(), within: .seconds(60))
      try requireEqual(later.deadLetters, 1, "dropped once the outcome is known")
    },
    Check("S75 a dead letter that holds up a line stays") { probe in
      try await probe.store.declare([LimitRule("account", order: .ordered(afterDeadLetter: .hold))])
      let first = try await probe.tasks.enqueue { $0.limit = TaskLimit("account", key: "7") }.id
      let second = try await probe.tasks.enqueue { $0.limit = TaskLimit("account", key: "7") }.id
      let task = try await probe.tasks.claimOnly(first)
      try await probe.tasks.settleHeld(task, .bury(.failed, detail: nil, nil))
      try await probe.tasks.advance(by: .seconds(400 * 86_400))
      let report = try await probe.keeper.dropExpired(by: .init(), within: .seconds(60))
      try requireEqual(report.deadLetters, 0, "dead letters dropped")
      try requireEqual(try await probe.list { $0.state = .limited }, [second], "those behind it")
    },
    Check("S75 settled effects, lines of the journal and received events go after their time, open effects never") {
      probe in
      let (task, name) = try await probe.withEffect()
      let (open, _) = try await probe.withEffect()
      try await probe.tasks.settleHeld(task, .complete)
      try await probe.tasks.settleHeld(open, .complete)
      _ = try await probe.ledger.resolveEffect(name, of: task.claim.id, as: .failed(reason: "no"))
      try await probe.perform(.pauseQueue("mail"))
      let early = try await probe.keeper.dropExpired(by: .init(), within: .seconds(60))
      try requireEqual(early, RetentionReport(), "dropped at once")
      try await probe.tasks.advance(by: .seconds(367 * 86_400))
      let report = try await probe.keeper.dropExpired(by: .init(), within: .seconds(60))
      try requireEqual([report.effects, report.actions], [1, 1], "effects and lines dropped")
      try requireEqual(try await probe.ledger.effects(of: open.claim.id).count, 1, "the effect nobody knows of")
      try requireEqual(try await probe.actions(), [], "the journal")
    },
  ]
}
