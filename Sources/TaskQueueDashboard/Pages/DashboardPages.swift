import HTTPTypes
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Reads what a page shows, and puts it into the template's fields.
struct DashboardPages: Sendable {
  /// Lines of a list.
  static let lines = 50

  let source: DashboardSource
  var reads: any DashboardStore { source.reads }

  /// - Throws: ``Refusal``, and what the store throws.
  func page(for visit: Visit) async throws -> PageAnswer {
    guard let rule = Self.rule(visit.path) else { throw Refusal.notFound }
    try rule.check(visit.query, takesEmptyOnes: true)
    switch visit.path {
    case []: return .page(try await overview(visit))
    case ["tasks"]: return .page(try await tasks(visit))
    case ["dead"]: return .page(try await deadLetters(visit))
    case ["dead", "confirm"]: return .page(try await confirmation(visit))
    case ["effects"]: return .page(try await effects(visit))
    case ["queue"]: return .page(try await queue(visit))
    case ["schedules"]: return .page(try await schedules(visit))
    case ["schedule"]: return .page(try await schedule(visit))
    case ["limits"]: return .page(try await limits(visit))
    case ["limit"]: return .page(try await limit(visit))
    case ["workers"]: return .page(try await workers(visit))
    case ["throughput"]: return .page(try await throughput(visit))
    case ["journal"]: return .page(try await journal(visit))
    case ["find"]: return .seeOther(Self.found(visit))
    default:
      guard let id = Self.taskID(visit.path) else { throw Refusal.notFound }
      return .page(try await task(id, visit))
    }
  }

  private static let rules: [[String]: QueryRule] = [
    []: .nothing, ["tasks"]: .tasks, ["dead"]: .deadLetters, ["dead", "confirm"]: .confirmation, ["effects"]: .nothing,
    ["queue"]: .named, ["schedules"]: .schedules, ["schedule"]: .schedule, ["limits"]: .nothing, ["limit"]: .limit,
    ["workers"]: .nothing, ["throughput"]: .throughput, ["journal"]: .journal, ["find"]: .finding,
  ]

  /// nil: there is no such page.
  private static func rule(_ path: [String]) -> QueryRule? { taskID(path) == nil ? rules[path] : .task }

  static func isThere(_ path: [String]) -> Bool { rule(path) != nil }

  /// Where a person goes on from a page that there is not: where they came from, the same page without what cannot be asked for, and what is above it.
  static func ways(from refusal: Refusal, _ visit: Visit) -> [(text: String, href: String)] {
    guard refusal != .notSignedIn else { return [] }
    var ways: [(text: String, href: String)] = []
    if let address = visit.sentFrom {
      ways.append(("Back to the page", visit.base + address))
    } else if refusal.status == .badRequest, isThere(visit.path) {
      var plain = visit
      plain.query = refusal.parameter.map { visit.query.with($0, nil) } ?? FormFields()
      // Without what is missing it would be the same again.
      if refusal.parameter == nil || plain.query != visit.query {
        ways.append(("The page without it", visit.base + plain.address))
      }
    }
    let section = section(above: visit.path)
    return ways + [(section.rawValue, visit.base + section.path)]
  }

  private static func section(above path: [String]) -> DashboardSection {
    switch path.first {
    case "tasks": .tasks
    case "dead": .dead
    case "schedule", "schedules": .schedules
    case "limit", "limits": .limits
    case "journal": .journal
    default: .overview
    }
  }

  private static func taskID(_ path: [String]) -> TaskID? {
    guard path.count == 2, path[0] == "tasks", let id = Int64(path[1]), id >= 0, String(id) == path[1] else {
      return nil
    }
    return TaskID(id)
  }

  /// A number is a task's id, any other word a type.
  private static func found(_ visit: Visit) -> String {
    guard let word = visit.query.trimmed("q") else { return visit.link("/tasks") }
    if let id = Int64(word), id >= 0 { return visit.link(task: TaskID(id)) }
    return visit.link("/tasks", ["type": word])
  }
}
