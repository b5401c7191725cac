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

  /// - Throws: ``Refusal/notFound``, and what the store throws.
  func page(for visit: Visit) async throws -> PageAnswer {
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
    case ActionDesk.path: throw Refusal.methodNotAllowed("POST")
    default:
      guard let id = Self.taskID(visit.path) else { throw Refusal.notFound }
      return .page(try await task(id, visit))
    }
  }

  private static let paths: Set<[String]> = [
    [], ["tasks"], ["dead"], ["dead", "confirm"], ["effects"], ["queue"], ["schedules"], ["schedule"], ["limits"],
    ["limit"],
    ["workers"], ["throughput"], ["journal"], ["find"],
  ]

  static func isThere(_ path: [String]) -> Bool { paths.contains(path) || taskID(path) != nil }

  private static func taskID(_ path: [String]) -> TaskID? {
    guard path.count == 2, path[0] == "tasks", let id = Int64(path[1]), String(id) == path[1] else { return nil }
    return TaskID(id)
  }

  /// A number is a task's id, any other word a type.
  private static func found(_ visit: Visit) -> String {
    guard let word = visit.query.trimmed("q") else { return visit.link("/tasks") }
    if let id = Int64(word), id >= 0 { return visit.link(task: TaskID(id)) }
    return visit.link("/tasks", ["type": word])
  }
}
