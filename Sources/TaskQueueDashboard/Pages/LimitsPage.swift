import TaskQueue

extension DashboardPages {
  func limits(_ visit: Visit) async throws -> Page {
    let limits = try await reads.limits.list()
    return Page(
      "limits",
      "Limits",
      in: .limits,
      ["limits": limits.map { line($0, visit) }, "hasLimits": !limits.isEmpty]
    )
  }

  private func line(_ limit: LimitStatus, _ visit: Visit) -> Fields {
    let rule = limit.rule
    var fields: Fields = [
      "name": rule.name, "href": visit.link("/limit", ["name": rule.name]), "isPaused": limit.isPaused,
      "slots": Wording.count(limit.operatorConcurrency ?? rule.concurrency),
      "isChanged": limit.operatorConcurrency != nil || limit.operatorRate != nil,
      "order": rule.order == .free ? "free" : "ordered",
    ]
    fields.set("rate", limit.rate.map { Self.words($0) })
    if limit.operatorConcurrency != nil { fields["declaredSlots"] = Wording.count(rule.concurrency) }
    if limit.operatorRate != nil { fields["declaredRate"] = rule.rate.map { Self.words($0) } ?? "none" }
    return fields
  }

  private static func words(_ rate: LimitRate) -> String {
    let burst = rate.burst == 1 ? "" : ", bursts of \(Wording.count(rate.burst))"
    return "\(Wording.count(rate.count)) per \(Wording.span(rate.period))\(burst)"
  }

  // MARK: One limit

  func limit(_ visit: Visit) async throws -> Page {
    let name = try visit.query.required("name")
    guard let limit = try await reads.limits.list().first(where: { $0.rule.name == name }) else {
      throw Refusal.notFound("There is no limit of this name.")
    }
    let after = visit.query["key"]
    let lines = try await reads.limitLines(of: name, after: after, limit: Self.lines)
    let slots = limit.operatorConcurrency ?? limit.rule.concurrency
    var fields = line(limit, visit)
    fields["lines"] = lines.map { line($0, slots, visit) }
    fields["hasLines"] = !lines.isEmpty
    fields["isFurther"] = after != nil
    fields["firstHref"] = visit.link("/limit", ["name": name])
    if lines.count == Self.lines, let last = lines.last {
      fields["nextHref"] = visit.link("/limit", ["name": name, "key": last.limit.key])
    }
    fields.set("actions", actions(limit).fields(visit))
    let journal = try await reads.operatorActions(before: nil, about: .limit(name), limit: 20)
    fields["journal"] = journal.map { line($0, visit) }
    fields["hasJournal"] = !journal.isEmpty
    return Page("limit", "Limit \(name)", in: .limits, fields)
  }

  private func line(_ line: LimitLine, _ slots: Int, _ visit: Visit) -> Fields {
    let key = line.limit.key
    var fields: Fields = [
      "key": key, "isWhole": key.isEmpty, "taken": Wording.count(line.taken), "ofSlots": Wording.count(slots),
      "takenNumber": "\(min(line.taken.value, slots))", "slotsNumber": "\(slots)",
      "isFull": line.taken.value >= slots, "waiting": Wording.count(line.waiting), "isIdle": line.waiting.value == 0,
      "tasksHref": visit.link(
        "/tasks",
        ["state": "limited", "limit": line.limit.name, "key": key.isEmpty ? nil : key]
      ),
    ]
    fields.set("pausedUntil", visit.time(line.pausedUntil))
    fields.set("heldBy", line.heldBy.map { ["taskId": "\($0)", "href": visit.link(task: $0)] as Fields })
    return fields
  }

  private func actions(_ limit: LimitStatus) -> [ActionForm] {
    let rule = limit.rule
    let hidden: KeyValuePairs = ["limit": rule.name]
    var forms = [
      limit.isPaused
        ? ActionForm(
          verb: .resumeLimit,
          label: "Resume",
          hint: "Its tasks start again, at once.",
          hidden: hidden,
          isFirst: true
        )
        : ActionForm(
          verb: .pauseLimit,
          label: "Pause",
          hint: "No task of it starts any more, on all workers. What runs goes on.",
          hidden: hidden
        )
    ]
    if rule.order == .free {
      forms.append(concurrency(limit, hidden))
      if limit.rate != nil { forms.append(rate(limit, hidden)) }
    }
    forms.append(
      ActionForm(
        verb: .pauseLimitFor,
        label: "Pause a key",
        hint: "No task of this key starts for a time; then it goes on by itself.",
        hidden: hidden,
        inputs: [
          .init(label: "Key", name: "key", type: "text", hint: "empty: tasks without a key", isRequired: false),
          .init(label: "Seconds", name: "seconds", type: "number", value: "300", min: 1, max: 86_400),
        ]
      )
    )
    if limit.operatorConcurrency != nil || limit.operatorRate != nil || limit.isPaused {
      forms.append(
        ActionForm(
          verb: .resetLimit,
          label: "Reset",
          hint: "What programs declare holds again; a pause ends.",
          hidden: hidden
        )
      )
    }
    return forms
  }

  private func concurrency(_ limit: LimitStatus, _ hidden: KeyValuePairs<String, String>) -> ActionForm {
    ActionForm(
      verb: .setLimit,
      label: "Change slots",
      hint: "How many tasks of a key run at a time, from now on. Lowered: what runs goes on.",
      hidden: hidden,
      inputs: [
        .init(
          label: "Slots of a key",
          name: "concurrency",
          type: "number",
          value: "\(limit.operatorConcurrency ?? limit.rule.concurrency)",
          min: 1,
          max: LimitRule.maxConcurrency
        )
      ]
    )
  }

  private func rate(_ limit: LimitStatus, _ hidden: KeyValuePairs<String, String>) -> ActionForm {
    let rate = limit.rate
    let period = Int((rate?.period ?? .seconds(1)) / .seconds(1))
    return ActionForm(
      verb: .setLimit,
      label: "Change rate",
      hint: "How fast tasks of a key start, from now on.",
      hidden: hidden,
      inputs: [
        .init(label: "Tasks", name: "rate", type: "number", value: "\(rate?.count ?? 1)", min: 1, max: 1_000_000),
        .init(
          label: "in seconds",
          name: "periodSeconds",
          type: "number",
          value: "\(max(1, period))",
          min: 1,
          max: 8_640_000
        ),
        .init(label: "Burst", name: "burst", type: "number", value: "\(rate?.burst ?? 1)", min: 1, max: 10_000),
      ]
    )
  }
}
