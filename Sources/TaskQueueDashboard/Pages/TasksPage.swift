import TaskQueue

extension DashboardPages {
  private static let states: [TaskState] = [.due, .running, .limited, .waiting, .finished, .done]

  func tasks(_ visit: Visit) async throws -> Page {
    let filter = try TaskFilter(visit.query)
    // A reason is one of dead letters.
    if filter.state == .dead || filter.state == nil && filter.reason != nil { return try await deadLetters(visit) }
    let page = try await reads.list(filter, after: Self.cursor(visit), limit: Self.lines)
    let kept = visit.query.only(TaskFilter.names)
    var fields = list(page, kept, "/tasks", visit)
    fields["states"] =
      [state(nil, "live", filter, kept, visit)]
      + Self.states.map { state($0, Visit.badge($0)["word"] as? String ?? $0.rawValue, filter, kept, visit) }
      + [["name": "dead", "href": visit.link("/dead"), "isCurrent": false]]
    fields["filter"] = Self.form(filter, visit, state: filter.state?.rawValue)
    return Page("tasks", "Tasks", in: .tasks, fields)
  }

  private func state(
    _ state: TaskState?,
    _ name: String,
    _ filter: TaskFilter,
    _ kept: FormFields,
    _ visit: Visit
  ) -> Fields {
    [
      "name": name, "href": "\(visit.base)/tasks\(kept.with("state", state?.rawValue).query)",
      "isCurrent": filter.state == state,
    ]
  }

  static func cursor(_ visit: Visit) -> TaskCursor? { visit.query["after"].flatMap { TaskCursor($0) } }

  /// Lines, and where the next page is.
  func list(_ page: TaskPage, _ kept: FormFields, _ path: String, _ visit: Visit) -> Fields {
    var fields: Fields = [
      "tasks": page.tasks.map { visit.line($0) }, "hasTasks": !page.tasks.isEmpty,
      "lookedAt": Wording.count(page.lookedAt, "row"), "isFurther": visit.query["after"] != nil,
      "firstHref": "\(visit.base)\(path)\(kept.query)",
    ]
    fields.set("nextHref", page.next.map { "\(visit.base)\(path)\(kept.with("after", $0.description).query)" })
    return fields
  }

  /// What the filter's fields show.
  static func form(_ filter: TaskFilter, _ visit: Visit, state: String?) -> Fields {
    var fields: Fields = [
      "queue": filter.queue?.rawValue ?? "", "type": filter.type?.rawValue ?? "", "error": filter.error ?? "",
      "limit": filter.limit?.name ?? "", "key": filter.limit?.key ?? "", "reason": filter.reason?.rawValue ?? "",
      "isSet": filter.queue != nil || filter.type != nil || filter.error != nil || filter.limit != nil
        || filter.reason != nil,
      "canHaveErrors": filter.state != .done,
    ]
    fields.set("state", state)
    return fields
  }
}
