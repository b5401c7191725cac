import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  /// Runs to come that a page names.
  private static let runs = 5
  /// Slots that are named before they are made up for.
  private static let slots = 20

  func schedules(_ visit: Visit) async throws -> Page {
    let after = visit.query["after"]
    let schedules = try await reads.schedules.list(after: after, limit: Self.lines)
    var fields: Fields = [
      "schedules": schedules.map { line($0, visit) }, "hasSchedules": !schedules.isEmpty, "isFurther": after != nil,
      "firstHref": visit.link("/schedules"),
    ]
    if schedules.count == Self.lines, let last = schedules.last {
      fields["nextHref"] = visit.link("/schedules", ["after": last.name])
    }
    return Page("schedules", "Schedules", in: .schedules, fields)
  }

  private func line(_ schedule: TaskSchedule, _ visit: Visit) -> Fields {
    let definition = schedule.definition
    let rule = try? definition.parsedRule()
    var fields: Fields = [
      "name": schedule.name, "href": visit.link("/schedule", ["name": schedule.name]),
      "rule": rule.map { "\($0)" } ?? definition.rule, "isPaused": schedule.isPaused, "isChanged": schedule.isChanged,
      "type": definition.type.rawValue, "queue": definition.queue.rawValue,
      "isOver": schedule.nextSlot == nil && !schedule.isPaused && schedule.problem == nil,
    ]
    fields.set("problem", schedule.problem)
    if !schedule.isPaused { fields.set("next", visit.time(schedule.nextSlot)) }
    fields.set("last", visit.time(schedule.lastSlot))
    fields.set("lastTask", schedule.lastTask.map { ["taskId": "\($0)", "href": visit.link(task: $0)] as Fields })
    return fields
  }

  // MARK: One schedule

  func schedule(_ visit: Visit) async throws -> Page {
    let name = try visit.query.required("name")
    guard let schedule = try await reads.schedules.get(name) else {
      throw Refusal.notFound("There is no schedule of this name.")
    }
    let definition = schedule.definition
    let rule = try? definition.parsedRule()
    var fields = line(schedule, visit)
    fields["runs"] = schedule.isPaused ? [] : runs(rule, after: visit.now).map { visit.time($0) }
    fields["cron"] = definition.rule
    fields["timeZone"] = definition.timeZone
    fields["overlap"] = definition.overlap.rawValue
    fields.set("jitter", definition.jitter == .zero ? nil : Wording.span(definition.jitter))
    fields.set("limitName", definition.limit.map { Visit.name(of: $0) })
    if schedule.isChanged { fields.set("declared", schedule.declared.map { (try? "\($0.parsedRule())") ?? $0.rule }) }
    fields.set("actions", actions(schedule).fields(visit))
    if visit.mayAct { fields["backfill"] = try backfill(name, rule, visit) }
    let journal = try await reads.operatorActions(before: nil, about: .schedule(name), limit: 20)
    fields["journal"] = journal.map { line($0, visit) }
    fields["hasJournal"] = !journal.isEmpty
    return Page("schedule", "Schedule \(name)", in: .schedules, fields)
  }

  private func runs(_ rule: ScheduleRule?, after now: Date) -> [Date] {
    var runs: [Date] = []
    while runs.count < Self.runs, let next = rule?.next(after: runs.last ?? now) { runs.append(next) }
    return runs
  }

  /// Asks for a time; with one, names the slots of it before they are made.
  private func backfill(_ name: String, _ rule: ScheduleRule?, _ visit: Visit) throws(Refusal) -> Fields {
    let day = visit.now.addingTimeInterval(-86_400)
    var fields: Fields = [
      "from": visit.query["from"] ?? String(Wording.iso(day).prefix(16)),
      "to": visit.query["to"] ?? String(Wording.iso(visit.now).prefix(16)),
    ]
    guard visit.query["from"] != nil || visit.query["to"] != nil, let rule else { return fields }
    let range = try DashboardAction.range(visit.query)
    let slots = rule.slots(in: range, limit: Limits.page + 1)
    fields["plan"] =
      [
        "count": Wording.count(BoundedCount(min(slots.count, Limits.page), isMore: slots.count > Limits.page)),
        "isOne": slots.count == 1, "isTooMany": slots.count > Limits.page,
        "canBeMade": 1...Limits.page ~= slots.count,
        "slots": slots.prefix(Self.slots).map { ["slot": Wording.utc($0)] as Fields },
        "isCut": slots.count > Self.slots,
        "returnTo": "/schedule\(FormFields([.init(name: "name", value: name)]).query)",
      ] as Fields
    return fields
  }

  private func actions(_ schedule: TaskSchedule) -> [ActionForm] {
    let hidden: KeyValuePairs = ["schedule": schedule.name]
    let runNow = ActionForm(
      verb: .runSchedule,
      label: "Run now",
      hint: "Makes a task at once; its slots stay as they are.",
      hidden: hidden,
      isFirst: !schedule.isPaused
    )
    let pause = ActionForm(
      verb: .pauseSchedule,
      label: "Pause",
      hint: "It makes no more tasks; those that it made go on.",
      hidden: hidden
    )
    let resume = ActionForm(
      verb: .resumeSchedule,
      label: "Resume",
      hint: "It goes on with its first slot from now. What came meanwhile is not made up for: see back-fill.",
      hidden: hidden,
      isFirst: true
    )
    let reset = ActionForm(
      verb: .resetSchedule,
      label: "Reset",
      hint: "What programs declare holds again.",
      hidden: hidden
    )
    let remove = ActionForm(
      verb: .removeSchedule,
      label: "Delete",
      hint: "A program that declares it adds it again when it starts. Its tasks go on.",
      hidden: hidden,
      isDanger: true,
      back: "/schedules"
    )
    return [runNow, schedule.isPaused ? resume : pause]
      + (schedule.isChanged && schedule.declared != nil ? [reset] : [])
      + [remove]
  }
}
