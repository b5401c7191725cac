import TaskQueue

extension DashboardPages {
  /// Tasks that a question names.
  private static let sample = 10

  func deadLetters(_ visit: Visit) async throws -> Page {
    var filter = try TaskFilter(visit.query)
    filter.state = .dead
    let page = try await reads.list(filter, after: Self.cursor(visit), limit: Self.lines)
    let kept = visit.query.only(TaskFilter.names).with("state", nil)
    var fields = list(page, kept, "/dead", visit)
    fields["filter"] = Self.form(filter, visit, state: nil)
    fields["reasons"] =
      [
        [
          "name": "all", "href": "\(visit.base)/dead\(kept.with("reason", nil).query)",
          "isCurrent": filter.reason == nil,
        ]
      ]
      + QueryRule.reasons.map { reason -> Fields in
        [
          "name": reason.rawValue, "href": "\(visit.base)/dead\(kept.with("reason", reason.rawValue).query)",
          "isCurrent": filter.reason == reason,
        ]
      }
    fields["confirm"] =
      ["kept": kept.fields.map { ["name": $0.name, "value": $0.value] as Fields }, "returnTo": visit.address] as Fields
    fields["canChoose"] = visit.mayAct && !page.tasks.isEmpty
    return Page("dead", "Dead letters", in: .dead, fields)
  }

  /// What a bulk action would change, before it does. Read where it is to be done.
  func confirmation(_ visit: Visit) async throws -> Page {
    guard visit.mayAct else { throw Refusal.mayNotAct }
    let verb = OperatorAction.Verb(rawValue: try visit.query.required("verb"))
    let back = visit.query["back"] ?? "/dead"
    if visit.query["all"] == nil, visit.query.all("task").isEmpty {
      throw Refusal.invalid("No dead letter is chosen. Go back, and tick some.")
    }
    var tasks: [TaskSummary] = []
    var count: BoundedCount
    var hidden: [FormFields.Field]
    switch try DeadLetterChoice(visit.query) {
    case .these(let ids):
      for id in ids.prefix(Self.sample) {
        if let task = try await source.acts.detail(of: id, withPayload: false)?.summary, task.state == .dead {
          tasks.append(task)
        }
      }
      count = BoundedCount(ids.count)
      hidden = ids.map { .init(name: "task", value: "\($0)") }
    case .all(let filter):
      let page = try await source.acts.list(filter, after: nil, limit: Limits.page)
      tasks = Array(page.tasks.prefix(Self.sample))
      count = BoundedCount(page.tasks.count, isMore: page.next != nil)
      hidden = visit.query.only(TaskFilter.names).with("state", nil).fields + [.init(name: "all", value: "true")]
    }
    let isPurge = verb == .purge
    return Page(
      "confirm",
      isPurge ? "Delete dead letters" : "Retry dead letters",
      in: .dead,
      isLive: false,
      [
        "verb": verb.rawValue, "isDanger": isPurge, "count": Wording.count(count), "isOne": count == BoundedCount(1),
        "question": isPurge ? "Delete for good" : "Make live again", "label": isPurge ? "Delete" : "Retry",
        "hint": isPurge
          ? "They cannot be brought back."
          : "They keep their ids and their error history, are due at once, and begin with fresh counters. One whose unique key a live task has stays dead.",
        "conditions": visit.query.only(TaskFilter.names).fields.map { ["name": $0.name, "value": $0.value] as Fields },
        "isFiltered": visit.query["all"] != nil,
        "hidden": hidden.map { ["name": $0.name, "value": $0.value] as Fields }, "tasks": tasks.map { visit.line($0) },
        "isSample": count.isMore || count.value > tasks.count, "shown": Wording.count(tasks.count), "returnTo": back,
        "backHref": visit.base + DashboardResponder.path(back),
      ]
    )
  }
}
