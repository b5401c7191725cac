import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// The SQL of workers and explanations, for one schema.
struct WorkerStatements: Sendable {
  typealias Template = StoreStatements.Template

  let note: Template
  let forget: Template
  let list: Template
  let explain: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    note = template("worker_note", "SELECT {schema}._note_worker($1, $2, $3, $4, $5)")
    forget = template("worker_forget", "DELETE FROM {schema}.worker WHERE id = $1")
    list = template(
      "workers",
      // As JSON: arrays are not read otherwise.
      """
      SELECT id, name, to_json(queues), to_json(types), slots, started_at, seen_at FROM {schema}.workers
      ORDER BY name COLLATE "C", id LIMIT $1
      """
    )
    explain = template("explain", "SELECT cause, sentence, until, details FROM {schema}.explain($1)")
  }
}

@_spi(Store) extension PostgresTaskStore: WorkerStore {
  public func note(_ worker: WorkerReport, within limit: Duration) async throws(TaskQueueError) {
    let statement = workerStatements.note(
      .uuid(worker.id),
      .text(worker.name),
      .textArray(worker.queues.map(\.rawValue)),
      .textArray(worker.types.map(\.rawValue)),
      .int4(Int32(clamping: worker.slots))
    )
    _ = try await query(statement, within: limit)
  }

  public func forgetWorker(_ id: UUID, within limit: Duration) async throws(TaskQueueError) {
    _ = try await query(workerStatements.forget(.uuid(id)), within: limit)
  }

  public func workers() async throws(TaskQueueError) -> [WorkerSnapshot] {
    let result = try await query(workerStatements.list(.int8(Int64(Limits.page))))
    let decoder = JSONDecoder()
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        func names(_ column: Int) throws(LibpqError) -> [String] {
          let data = try row.data(column)
          guard let names = try? decoder.decode([String].self, from: data) else {
            throw LibpqError(.decoding, "The names of a worker cannot be read.")
          }
          return names
        }
        return WorkerSnapshot(
          id: try row.uuid(0),
          name: try row.text(1),
          queues: try names(2).map { QueueName($0) },
          types: try names(3).map { TaskType($0) },
          slots: Int(try row.int4(4)),
          startedAt: try row.timestamptz(5),
          seenAt: try row.timestamptz(6)
        )
      }
    }
  }

  public func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation {
    let result = try await query(workerStatements.explain(.int8(id.rawValue)))
    let decoder = JSONDecoder()
    let causes = try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        let data = try row.data(3)
        let details = (try? decoder.decode(CauseDetails.self, from: data)) ?? CauseDetails()
        if let cause = details.cause(try row.text(0), until: try row.optionalTimestamptz(2)) { return cause }
        return .other(try row.text(1))
      }
    }
    guard !causes.isEmpty else { throw TaskQueueError(.storeFailed, "The function explain returned nothing.") }
    return TaskExplanation(id: id, causes: causes)
  }
}

/// The column `details` of the function `explain`.
private struct CauseDetails: Decodable {
  struct Holder: Decodable {
    var task: Int64
    var until: Double?
  }

  var at: Double?
  var attempt: Int?
  var count: Int?
  var detail: String?
  var error: String?
  var event: String?
  var group: Int64?
  var holders: [Holder]?
  var isMore: Bool?
  var isRunning: Bool?
  var line: String?
  var names: [String]?
  var queue: String?
  var reason: String?
  var slots: Int?
  var step: String?
  var taken: Int?
  var task: Int64?
  var type: String?

  /// nil: not known to this program, or not as it knows it.
  func cause(_ name: String, until: Date?) -> TaskExplanation.Cause? {
    let limit = line.map { TaskLimit(stored: $0) }
    let instant = at.map { Date(timeIntervalSince1970: $0) }
    return switch (name, limit, until) {
    case ("unknown", _, _): .unknown
    case ("gone", _, _): .gone
    case ("finished", _, let until?): .finished(keyUntil: until)
    case ("dead", _, _):
      if let reason, let instant {
        .dead(DeadLetterReason(rawValue: reason), detail: detail, lastError: error, at: instant)
      } else {
        nil
      }
    case ("running", _, let until?): .running(attempt: attempt ?? 1, leaseUntil: until, workers: names ?? [])
    case ("lease_ended", _, let until?): .leaseEnded(attempt: attempt ?? 1, at: until)
    case ("delayed", _, let until?): .delayed(until: until)
    case ("sleeping", _, let until?): step.map { .sleeping(step: $0, until: until) }
    case ("event", _, _): event.map { .event($0, until: until) }
    case ("turn", _, _): group.map { .turn(GroupID($0), isCallback: isMore ?? false) }
    case ("retrying", _, let until?): .retrying(afterAttempt: attempt ?? 1, until: until, lastError: error)
    case ("queue_paused", _, _):
      if let queue, let instant { .queuePaused(QueueName(queue), since: instant) } else { nil }
    case ("no_worker", _, _): queue.map { .noWorker(QueueName($0)) }
    case ("no_worker_for_type", _, _):
      if let queue, let type { .noWorkerForType(TaskType(type), QueueName(queue), workers: count ?? 0) } else { nil }
    case ("behind", _, _): count.map { .behind(count: $0, isMore: isMore ?? false) }
    case ("next", _, _): .next
    case ("limit_paused", let limit?, _): .limitPaused(limit)
    case ("limit_closed", let limit?, let until?): .limitClosed(limit, until: until)
    case ("limit_rate", let limit?, let until?): .limitRate(limit, at: until, isAdmitted: isMore ?? false)
    case ("limit_held", let limit?, _): task.map { .limitHeld(limit, deadLetter: TaskID($0)) }
    case ("limit_waits", let limit?, let until?): task.map { .limitWaits(limit, task: TaskID($0), until: until) }
    case ("limited", let limit?, _):
      count.map {
        .limited(
          limit,
          place: $0,
          isMore: isMore ?? false,
          taken: taken ?? 0,
          slots: slots ?? 0,
          holders: (holders ?? []).map {
            .init(task: TaskID($0.task), until: $0.until.map { Date(timeIntervalSince1970: $0) })
          }
        )
      }
    case ("deadline_passed", _, let until?): .deadlinePassed(at: until)
    case ("cancel_requested", _, _): .cancelRequested(isRunning: isRunning ?? false)
    case ("runs_again", _, _): .runsAgain
    default: nil
    }
  }
}
