import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Visit {
  /// A line of a list, for the template `task_rows`.
  func line(_ task: TaskSummary) -> Fields {
    var fields: Fields = [
      "id": "\(task.id)", "href": link(task: task.id), "type": task.type.rawValue, "queue": task.queue.rawValue,
      "queueHref": link(queue: task.queue), "badge": Self.badge(task.state, task.reason),
      "attempts": Wording.count(task.attempt),
      "created": time(task.createdAt), "isFlow": task.isFlow,
      "hasFailed": task.failures + task.crashes > 0,
    ]
    if let moment = Self.moment(of: task) {
      fields["moment"] = ["what": moment.what, "at": time(moment.at)] as Fields
    }
    fields.set("reason", task.reason?.rawValue)
    fields.set("error", task.lastError.map { Wording.line($0) })
    fields.set("limitName", task.limit.map { Self.name(of: $0) })
    return fields
  }

  /// The instant of a task that matters now.
  private static func moment(of task: TaskSummary) -> (what: String, at: Date)? {
    switch task.state {
    case .running: task.leaseUntil.map { ("lease ends", $0) }
    case .dead: task.endedAt.map { ("died", $0) }
    case .done, .finished: task.endedAt.map { ("ended", $0) }
    default: task.dueAt.map { ("due", $0) }
    }
  }

  /// A word and a class of the style sheet, which knows these only.
  static func badge(_ state: TaskState, _ reason: DeadLetterReason? = nil) -> Fields {
    let known: [TaskState: String] = [
      .waiting: "waiting", .due: "due", .limited: "limited", .running: "running", .finished: "done", .dead: "dead",
      .done: "done",
    ]
    return ["word": reason.map { "\(state): \($0)" } ?? state.rawValue, "look": known[state] ?? "waiting"]
  }

  /// `bank`, `customer/7`.
  static func name(of limit: TaskLimit) -> String { limit.key.isEmpty ? limit.name : "\(limit.name)/\(limit.key)" }
}
