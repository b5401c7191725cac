import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  func task(_ id: TaskID, _ visit: Visit) async throws -> Page {
    guard let detail = try await reads.detail(of: id, withPayload: visit.showsPayload) else {
      return try await gone(id, visit)
    }
    let task = detail.summary
    var fields = visit.line(task)
    fields["why"] = why(detail, visit)
    fields["facts"] = facts(detail, visit)
    fields["timeline"] = TaskTimeline(detail, visit).fields
    fields.set("steps", steps(detail, visit))
    fields.set("effects", detail.effects.isEmpty ? nil : ["list": detail.effects.map { line($0, visit) }] as Fields)
    fields.set("family", family(detail, visit))
    fields["servedBy"] = detail.workers.prefix(10).map { Self.line($0, visit) }
    fields["hasWorkers"] = !detail.workers.isEmpty
    fields["isLiveTask"] = task.endedAt == nil
    fields.set("payload", payload(detail, visit))
    fields["journal"] = detail.actions.map { line($0, visit) }
    fields["hasJournal"] = !detail.actions.isEmpty
    fields.set("actions", actions(detail).fields(visit))
    return Page("task", "Task \(id)", in: task.state == .dead ? .dead : .tasks, fields)
  }

  /// Nothing is left of it; why, the store knows.
  private func gone(_ id: TaskID, _ visit: Visit) async throws -> Page {
    let explanation = try await reads.explain(id)
    if case .unknown = explanation.cause { throw Refusal.unknownTask }
    let journal = try await reads.operatorActions(before: nil, about: .task(id), limit: Self.lines)
    return Page(
      "gone",
      "Task \(id)",
      in: .tasks,
      [
        "id": "\(id)", "sentences": explanation.sentences.map { Wording.sentence($0, at: visit.now) },
        "journal": journal.map { line($0, visit) },
        "hasJournal": !journal.isEmpty,
      ]
    )
  }

  // MARK: Why it waits

  private func why(_ detail: TaskDetail, _ visit: Visit) -> Fields {
    let explanation = detail.explanation
    let sentences = explanation.sentences.map { Wording.sentence($0, at: visit.now) }
    let headings: [TaskState: String] = [
      .running: "Why it runs", .dead: "Why it is dead", .done: "How it ended", .finished: "Why it is kept",
    ]
    return [
      "heading": headings[detail.summary.state] ?? "Why it waits", "first": sentences[0],
      "others": Array(sentences.dropFirst()), "hasOthers": sentences.count > 1,
      "links": (Self.isInDoubt(detail) ? [["text": "what became of its call", "href": "#effects"] as Fields] : [])
        + explanation.causes.flatMap { links($0, visit) },
      "look": Visit.badge(detail.summary.state)["look"] ?? "waiting",
    ]
  }

  /// Where one can do something about a cause.
  private func links(_ cause: TaskExplanation.Cause, _ visit: Visit) -> [Fields] {
    func link(_ text: String, _ href: String) -> Fields { ["text": text, "href": href] }
    let subject = cause.subject
    let limits = subject.limit.map { [link("the limit \($0.name)", visit.link("/limit", ["name": $0.name]))] } ?? []
    func tasks(_ words: String) -> [Fields] { subject.tasks.map { link("\(words) \($0)", visit.link(task: $0)) } }
    switch cause {
    case .queuePaused(let queue, _): return [link("the queue \(queue)", visit.link(queue: queue))]
    case .noWorker, .noWorkerForType: return [link("the workers", visit.link("/workers"))]
    case .behind: return [link("what is due", visit.link("/tasks", ["state": "due"]))]
    case .limitHeld: return tasks("the dead letter") + limits
    case .limitWaits: return tasks("the task") + limits
    default: return limits + tasks("task")
    }
  }

  // MARK: What it is

  private func facts(_ detail: TaskDetail, _ visit: Visit) -> [Fields] {
    let task = detail.summary
    var facts: [Fields] = []
    func add(_ name: String, _ value: String?, _ href: String? = nil) {
      guard let value else { return }
      var fact: Fields = ["name": name, "value": value]
      fact.set("factHref", href)
      facts.append(fact)
    }
    func add(_ name: String, at date: Date?) {
      guard let date else { return }
      facts.append(["name": name, "time": visit.time(date)])
    }
    add("Queue", task.queue.rawValue, visit.link(queue: task.queue))
    add("Type", task.type.rawValue, visit.link("/tasks", ["type": task.type.rawValue]))
    add("Enqueued", at: task.createdAt)
    add("Due", at: task.dueAt)
    add("Lease until", at: task.leaseUntil)
    add("Held by", detail.holder?.worker)
    add("Held since", at: detail.holder?.since)
    add("As reported", at: detail.holder?.seenAt)
    add(task.state == .dead ? "Died" : "Ended", at: task.endedAt)
    add("Kept until", at: detail.keptUntil)
    let most = detail.maxAttempts.map { " of \(Wording.count($0))" } ?? ""
    add("Attempts", Wording.count(task.attempt))
    add("Failures", "\(Wording.count(task.failures))\(most)")
    add("Crashes", task.crashes == 0 ? nil : Wording.count(task.crashes))
    add("Priority", task.priority == 100 ? nil : "\(task.priority)")
    add("Unique key", task.uniqueKey)
    add("Limit", task.limit.map { Visit.name(of: $0) }, task.limit.map { visit.link("/limit", ["name": $0.name]) })
    add("Weight", task.limit.flatMap { $0.weight == 1 ? nil : "\($0.weight)" })
    add("Deadline", at: detail.deadline)
    add("Cancellation", detail.isCancelRequested ? "asked for" : nil)
    add("Afterwards", detail.runsAgain ? "runs once more" : nil)
    add("Child of", detail.parent.map { "task \($0)" }, detail.parent.map { visit.link(task: $0) })
    add("Group", detail.group.map { "\($0)" })
    return facts
  }

  private func steps(_ detail: TaskDetail, _ visit: Visit) -> Fields? {
    guard !detail.steps.isEmpty else { return nil }
    return [
      "count": Wording.count(detail.steps.count, "step"),
      "list": detail.steps.map { step -> Fields in
        var fields: Fields = [
          "name": Wording.step(step.name), "kind": step.kind.rawValue, "isWait": step.kind == .wait,
          "isBad": step.kind == .unwind || step.kind == .timeout,
        ]
        fields.set("until", visit.time(step.until))
        fields.set("value", step.value.map { Wording.json($0, atMost: 4_096) })
        return fields
      },
    ]
  }

  private func family(_ detail: TaskDetail, _ visit: Visit) -> Fields? {
    guard !detail.groups.isEmpty || !detail.children.isEmpty else { return nil }
    return [
      "groups": detail.groups.map { group -> Fields in
        let progress = group.progress
        var fields: Fields = [
          "id": "\(group.id)", "total": "\(progress.total)", "ended": "\(progress.ended)",
          "words": "\(Wording.count(progress.ended)) of \(Wording.count(progress.total)) ended",
          "isOver": progress.finishedAt != nil,
        ]
        fields.set("failed", progress.failed == 0 ? nil : Wording.count(progress.failed))
        fields.set("atMost", group.atMost.map { Wording.count($0) })
        return fields
      },
      "children": detail.children.map { child -> Fields in
        var fields: Fields = [
          "number": "\(child.member)", "outcome": child.outcome ?? "", "isOut": child.outcome != nil,
        ]
        fields.set("childId", child.task.map { "\($0)" })
        fields.set("childHref", child.task.map { visit.link(task: $0) })
        fields.set("childType", child.summary?.type.rawValue)
        fields.set("childBadge", child.summary.map { Visit.badge($0.state, $0.reason) })
        fields.set("childEnded", visit.time(child.endedAt))
        return fields
      },
      "hasChildren": !detail.children.isEmpty, "isCut": detail.children.count == TaskDetail.maxChildren,
      "maxChildren": "\(TaskDetail.maxChildren)",
    ]
  }

  /// Only for who asks for it, where it is allowed.
  private func payload(_ detail: TaskDetail, _ visit: Visit) -> Fields? {
    guard visit.mayShowPayloads else { return nil }
    guard visit.showsPayload else { return ["href": visit.link("/tasks/\(detail.summary.id)", ["payload": "show"])] }
    var fields: Fields = ["isShown": true, "hideHref": visit.link(task: detail.summary.id)]
    fields.set("json", detail.payload.map { Wording.json($0) })
    fields.set("result", detail.result.map { Wording.json($0) })
    if !detail.headers.isEmpty {
      let headers = detail.headers.sorted { $0.key < $1.key }
      fields["headers"] = ["list": headers.map { ["name": $0.key, "value": $0.value] as Fields }] as Fields
    }
    return fields
  }

  // MARK: What can be done

  /// To run it again does not tell what became of a call: that comes first.
  private static func isInDoubt(_ detail: TaskDetail) -> Bool {
    detail.summary.state == .dead && detail.effects.contains { [.unknown, .parked].contains($0.state) }
  }

  private func actions(_ detail: TaskDetail) -> [ActionForm] {
    let task = detail.summary
    let hidden: KeyValuePairs = ["task": "\(task.id)"]
    let cancel = ActionForm(
      verb: .cancel,
      label: "Cancel the task",
      hint: task.state == .running
        ? "Its worker is told; the handler decides how it ends."
        : "It becomes a dead letter, and can be retried from there.",
      hidden: hidden,
      isDanger: true
    )
    switch task.state {
    case .dead:
      let isInDoubt = Self.isInDoubt(detail)
      let retry = ActionForm(
        verb: .retry,
        label: "Retry",
        hint: isInDoubt
          ? "Nobody knows what became of a call of it. Say that first, below: by itself a retry does not find out."
          : "It lives again under its id, due at once, with fresh counters and without its deadline. Its errors are kept.",
        hidden: hidden,
        isFirst: !isInDoubt
      )
      let purge = ActionForm(
        verb: .purge,
        label: "Delete",
        hint: "It is gone for good.",
        hidden: hidden,
        isDanger: true,
        back: "/dead"
      )
      return [retry, purge]
    case .waiting:
      let runNow = ActionForm(
        verb: .runNow,
        label: "Run now",
        hint: "It is due at once. Its limit, and a pause of its queue, hold all the same.",
        hidden: hidden,
        isFirst: true
      )
      return [runNow, cancel]
    case .due, .limited, .running: return [cancel]
    default: return []
    }
  }
}
