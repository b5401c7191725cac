import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension DashboardPages {
  /// Names that a line shows before it counts the rest.
  private static let names = 12

  func workers(_ visit: Visit) async throws -> Page {
    let workers = try await reads.workers()
    let overview = try await reads.overview()
    let unserved = overview.queues.filter { $0.workers == 0 && $0.due.value > 0 }
    return Page(
      "workers",
      "Workers",
      in: .workers,
      [
        "workers": workers.map { Self.line($0, visit) }, "hasWorkers": !workers.isEmpty,
        "count": Wording.count(workers.count, "worker"),
        "slots": Wording.count(workers.reduce(0) { $0 + $1.slots }, "slot"),
        "unserved": unserved.map { queue -> Fields in
          ["name": queue.queue.rawValue, "href": visit.link(queue: queue.queue), "due": Wording.count(queue.due)]
        },
        "hasUnserved": !unserved.isEmpty,
      ]
    )
  }

  static func line(_ worker: WorkerSnapshot, _ visit: Visit) -> Fields {
    let age = visit.now.timeIntervalSince(worker.seenAt)
    var fields: Fields = [
      "name": worker.name, "workerId": worker.id.uuidString.lowercased().prefix(8).description,
      "queues": worker.queues.prefix(names).map { ["name": $0.rawValue, "href": visit.link(queue: $0)] as Fields },
      "types": worker.types.prefix(names).map { ["name": $0.rawValue] as Fields },
      "moreQueues": more(worker.queues.count), "moreTypes": more(worker.types.count),
      "slots": Wording.count(worker.slots), "started": visit.time(worker.startedAt), "seen": visit.time(worker.seenAt),
      // It reports every 30 s.
      "isLate": age > 45, "inFlight": worker.inFlight.map { Wording.count($0) } ?? "–",
      "held": worker.held.map { held -> Fields in
        [
          "heldTask": "\(held.task)", "heldHref": visit.link(task: held.task), "heldType": held.type.rawValue,
          "heldAttempt": Wording.count(held.attempt), "heldSince": visit.time(held.since),
        ]
      },
      "holdsAny": !worker.held.isEmpty, "heldCount": Wording.count(worker.held.count, "task"),
    ]
    fields.set("version", worker.version)
    fields.set("oldest", visit.time(worker.held.first?.since))
    return fields
  }

  private static func more(_ count: Int) -> String { count > names ? "and \(Wording.count(count - names)) more" : "" }
}
