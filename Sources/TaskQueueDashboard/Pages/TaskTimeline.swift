import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What happened to a task and what is to come, by time. Steps have no times, and stand in a list of their own.
struct TaskTimeline {
  private struct Event {
    var at: Date
    var title: String
    var look: String
    var text: String?
    var code: String?
    var href: String?
  }

  private var events: [Event] = []
  private let visit: Visit

  init(_ detail: TaskDetail, _ visit: Visit) {
    self.visit = visit
    let task = detail.summary
    add(
      task.createdAt,
      "Enqueued",
      "plain",
      text: detail.parent.map { "by the flow of task \($0)" },
      href: detail.parent.map { visit.link(task: $0) }
    )
    for error in detail.errors {
      let at = Date(timeIntervalSince1970: error.at)
      add(at, "Attempt \(Wording.count(error.attempt)) failed", "bad", text: error.errorType, code: error.message)
    }
    for effect in detail.effects {
      let isUnsettled = DashboardPages.isUnsettled(effect)
      add(
        effect.intendedAt,
        "Effect \(effect.name): \(effect.state)",
        isUnsettled ? "money" : effect.state == .failed ? "bad" : "good",
        text: effect.calls > 1 ? "call \(effect.calls)" : nil,
        code: effect.reason
      )
    }
    for group in detail.groups {
      add(
        group.progress.createdAt,
        "Began \(Wording.count(group.progress.total, "child task"))",
        "plain",
        text: "group \(group.id)"
      )
      if let end = group.progress.finishedAt { add(end, "Its children have ended", "plain", text: "group \(group.id)") }
    }
    for action in detail.actions {
      add(action.at, "\(DashboardPages.words(action.verb)), by \(action.actor)", "person", text: action.reason)
    }
    addEnd(detail)
    for step in detail.steps where step.kind == .wait {
      if let until = step.until { add(until, "Its wait ends: \(Wording.step(step.name))", "future") }
    }
    // The order of what has one time stays.
    events = events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
  }

  private mutating func addEnd(_ detail: TaskDetail) {
    let task = detail.summary
    switch task.state {
    case .dead:
      let reason = task.reason.map { "Put aside: \($0)" } ?? "Put aside"
      if let at = task.endedAt { add(at, reason, "bad", code: detail.deathDetail) }
    case .done, .finished:
      if let at = task.endedAt { add(at, "Completed", "good") }
      if let until = detail.keptUntil { add(until, "Kept until then", "future") }
    case .running:
      if let until = task.leaseUntil {
        add(
          until,
          "Lease of attempt \(Wording.count(task.attempt)) ends",
          "future",
          text: "unless its worker renews it"
        )
      }
    default:
      // The end of a flow's wait says it better.
      let isWait = detail.steps.contains { $0.kind == .wait && $0.until == task.dueAt }
      if let due = task.dueAt, !isWait { add(due, "Due", due > visit.now ? "future" : "due") }
    }
    if let deadline = detail.deadline, task.endedAt == nil { add(deadline, "Deadline", "future") }
  }

  private mutating func add(
    _ at: Date,
    _ title: String,
    _ look: String,
    text: String? = nil,
    code: String? = nil,
    href: String? = nil
  ) {
    events.append(Event(at: at, title: title, look: look, text: text, code: code, href: href))
  }

  /// For the template: past ones, now, and those to come.
  var fields: [Fields] {
    events.map { event in
      var fields: Fields = [
        "title": event.title, "look": event.at > visit.now ? "future" : event.look, "at": visit.time(event.at),
      ]
      fields.set("text", event.text)
      fields.set("code", event.code)
      fields.set("eventHref", event.href)
      return fields
    }
  }
}
