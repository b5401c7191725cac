import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  func journal(_ visit: Visit) async throws -> Page {
    let before = visit.query.number("before")
    let target = visit.query["about"]
    let lines = try await reads.operatorActions(
      before: before,
      about: target.map { OperatorTarget($0) },
      limit: Self.lines
    )
    var fields: Fields = [
      "journal": lines.map { line($0, visit) }, "hasJournal": !lines.isEmpty, "isFurther": before != nil,
      "about": target ?? "", "isAbout": target != nil, "firstHref": visit.link("/journal", ["about": target]),
    ]
    if lines.count == Self.lines, let last = lines.last {
      fields["nextHref"] = visit.link("/journal", ["about": target, "before": "\(last.id)"])
    }
    return Page("journal", "Journal", in: .journal, fields)
  }

  /// A line of the journal, for the template `journal_rows`.
  func line(_ action: OperatorAction, _ visit: Visit) -> Fields {
    var fields: Fields = [
      "at": visit.time(action.at), "actor": action.actor, "verb": Self.words(action.verb),
      "verbName": action.verb.rawValue,
      "target": action.target.description,
      "isLong": action.request != nil || action.before != nil || action.after != nil,
    ]
    fields.set("targetHref", Self.href(action.target, visit))
    if action.target == .deadLetters { fields.set("chosen", Self.choice(action.request)) }
    fields.set("because", action.reason)
    fields.set("role", action.role.isEmpty ? nil : action.role)
    fields.set("asked", action.request.map { Wording.json($0, atMost: 2_048) })
    fields.set("before", action.before.map { Wording.json($0, atMost: 2_048) })
    fields.set("after", action.after.map { Wording.json($0, atMost: 2_048) })
    if action.taskCount > 1 || (action.taskCount == 1 && !action.target.description.hasPrefix("task/")) {
      fields["changed"] = Wording.count(action.taskCount, "task")
      fields["changedTasks"] = action.tasks.prefix(20).map {
        ["taskId": "\($0)", "href": visit.link(task: $0)] as Fields
      }
    }
    return fields
  }

  /// Which dead letters were meant: `of type mail.send, older than 30 d`.
  private static func choice(_ request: Data?) -> String? {
    struct Choice: Decodable {
      var type: String?
      var olderThanSeconds: Double?
      var everything: Bool?
    }
    guard let choice = request.flatMap({ try? JSONDecoder().decode(Choice.self, from: $0) }) else { return nil }
    let words = [
      choice.type.map { "of type \($0)" }, choice.olderThanSeconds.map { "older than \(Wording.span($0))" },
      choice.everything == true ? "all of them" : nil,
    ]
    .compactMap(\.self)
    return words.isEmpty ? nil : words.joined(separator: ", ")
  }

  private static func href(_ target: OperatorTarget, _ visit: Visit) -> String? {
    let parts = target.description.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return target == .deadLetters ? visit.link("/dead") : nil }
    return switch parts[0] {
    case "task": Int64(parts[1]).map { visit.link(task: TaskID($0)) }
    case "queue": visit.link("/queue", ["name": parts[1]])
    case "limit": visit.link("/limit", ["name": parts[1]])
    case "schedule": visit.link("/schedule", ["name": parts[1]])
    default: nil
    }
  }

  private static let verbs: [OperatorAction.Verb: String] = [
    .cancel: "Cancelled", .retry: "Retried", .runNow: "Made due", .redrive: "Made dead letters live",
    .purge: "Deleted dead letters",
    .enqueue: "Enqueued", .emit: "Emitted an event", .resolveEffect: "Resolved an effect", .pauseQueue: "Paused",
    .resumeQueue: "Resumed", .setLimit: "Changed", .pauseLimit: "Paused", .pauseLimitFor: "Paused a key",
    .resumeLimit: "Resumed", .resetLimit: "Reset", .setSchedule: "Set", .pauseSchedule: "Paused",
    .resumeSchedule: "Resumed", .resetSchedule: "Reset", .removeSchedule: "Deleted", .runSchedule: "Ran now",
    .backfillSchedule: "Back-filled",
  ]

  static func words(_ verb: OperatorAction.Verb) -> String { verbs[verb] ?? verb.rawValue }
}
