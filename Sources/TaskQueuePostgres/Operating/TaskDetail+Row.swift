import Libpq
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TaskDetail {
  /// A row of the function `_task_detail`. What does not fit was written by hand, or by a newer schema; it is left out.
  init(_ row: LibpqRow) throws(LibpqError) {
    let decoder = JSONDecoder()
    func list<Item: Decodable>(_ column: Int, of type: Item.Type) throws(LibpqError) -> [Item] {
      try row.optionalData(column).flatMap { try? decoder.decode([Item].self, from: $0) } ?? []
    }
    let summary = try TaskSummary(row)
    let causes = try list(35, of: CauseRow.self).map(\.cause)
    self.init(
      summary: summary,
      explanation: TaskExplanation(id: summary.id, causes: causes.isEmpty ? [.gone] : causes)
    )
    headers = StoredJSON.headers(try row.optionalData(17))
    payload = try row.optionalData(18)
    result = try row.optionalData(19)
    deadline = try row.optionalTimestamptz(20)
    maxAttempts = try row.optionalInt4(21).map(Int.init)
    isCancelRequested = try row.bool(22)
    runsAgain = try row.bool(23)
    keptUntil = try row.optionalTimestamptz(24)
    errors = StoredJSON.errors(try row.optionalData(25))
    deathDetail = try row.optionalText(26)
    steps = try row.optionalData(27).map(FlowJournalRows.steps) ?? []
    effects = try list(28, of: EffectRow.self).map { $0.record(of: summary.id) }
    parent = try row.optionalInt8(29).map { TaskID($0) }
    group = try row.optionalInt8(30).map { GroupID($0) }
    groups = try list(31, of: GroupRow.self).map(\.summary)
    children = try list(32, of: ChildRow.self).map(\.child)
    workers = try list(33, of: WorkerRow.self).map(\.snapshot)
    actions = try list(34, of: ActionRow.self).map(\.action)
  }
}

private func instant(_ seconds: Double) -> Date { Date(timeIntervalSince1970: seconds) }

private struct CauseRow: Decodable {
  var cause: TaskExplanation.Cause

  private enum Key: CodingKey { case cause, sentence, until, details }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let details = (try? container.decode(CauseDetails.self, forKey: .details)) ?? CauseDetails()
    let until = try container.decodeIfPresent(Double.self, forKey: .until).map(instant)
    let name = try container.decode(String.self, forKey: .cause)
    let sentence = try container.decode(String.self, forKey: .sentence)
    cause = details.cause(name, until: until) ?? .other(sentence)
  }
}

private struct EffectRow: Decodable {
  var type: String
  var name: String
  var key: String
  var state: String
  var contradicted: Bool
  var calls: Int
  var intendedAt: Double
  var age: Double
  var value: String?
  var code: String?
  var reason: String?

  func record(of task: TaskID) -> EffectRecord {
    EffectRecord(
      task: task,
      taskType: TaskType(type),
      name: EffectName(name),
      key: IdempotencyKey(rawValue: key),
      state: EffectState(rawValue: state),
      isContradicted: contradicted,
      calls: calls,
      intendedAt: instant(intendedAt),
      age: .stored(seconds: age),
      value: value.map { Data($0.utf8) },
      code: code,
      reason: reason
    )
  }
}

private struct GroupRow: Decodable {
  var id: Int64
  var total: Int
  var completed: Int
  var failed: Int
  var atMost: Int?
  var createdAt: Double
  var finishedAt: Double?

  var summary: TaskGroupSummary {
    TaskGroupSummary(
      id: GroupID(id),
      progress: GroupProgress(
        total: total,
        completed: completed,
        failed: failed,
        createdAt: instant(createdAt),
        finishedAt: finishedAt.map(instant)
      ),
      atMost: atMost
    )
  }
}

private struct ChildRow: Decodable {
  var group: Int64
  var member: Int
  var task: Int64?
  var outcome: String?
  var endedAt: Double?
  var queue: String?
  var type: String?
  var state: String?
  var priority: Int?
  var attempt: Int?
  var failures: Int?
  var crashes: Int?
  var dueAt: Double?
  var leaseUntil: Double?
  var createdAt: Double?
  var reachedAt: Double?
  var error: String?
  var reason: String?
  var isFlow: Bool?

  var child: TaskChild {
    TaskChild(
      group: GroupID(group),
      member: member,
      task: task.map { TaskID($0) },
      outcome: outcome,
      endedAt: endedAt.map(instant),
      summary: summary
    )
  }

  private var summary: TaskSummary? {
    guard let task, let queue, let type, let state, let createdAt else { return nil }
    return TaskSummary(
      id: TaskID(task),
      queue: QueueName(queue),
      type: TaskType(type),
      state: TaskState(rawValue: state),
      priority: priority ?? 0,
      attempt: attempt ?? 0,
      failures: failures ?? 0,
      crashes: crashes ?? 0,
      dueAt: dueAt.map(instant),
      leaseUntil: leaseUntil.map(instant),
      createdAt: instant(createdAt),
      endedAt: reachedAt.map(instant),
      lastError: error,
      reason: reason.map { DeadLetterReason(rawValue: $0) },
      isFlow: isFlow ?? false
    )
  }
}

private struct WorkerRow: Decodable {
  var id: UUID
  var name: String
  var queues: [String]
  var types: [String]
  var slots: Int
  var version: String?
  var inFlight: Int?
  var startedAt: Double
  var seenAt: Double

  var snapshot: WorkerSnapshot {
    WorkerSnapshot(
      id: id,
      name: name,
      queues: queues.map { QueueName($0) },
      types: types.map { TaskType($0) },
      slots: slots,
      startedAt: instant(startedAt),
      seenAt: instant(seenAt),
      version: version,
      inFlight: inFlight
    )
  }
}

private struct ActionRow: Decodable {
  var id: Int64
  var at: Double
  var actor: String
  var role: String
  var verb: String
  var target: String
  var why: String?
  var request: String?
  var before: String?
  var after: String?
  var tasks: [Int64]
  var count: Int

  var action: OperatorAction {
    OperatorAction(
      id: id,
      at: instant(at),
      actor: actor,
      role: role,
      verb: .init(rawValue: verb),
      target: OperatorTarget(target),
      reason: why,
      request: request.map { Data($0.utf8) },
      before: before.map { Data($0.utf8) },
      after: after.map { Data($0.utf8) },
      tasks: tasks.map { TaskID($0) },
      taskCount: count
    )
  }
}
