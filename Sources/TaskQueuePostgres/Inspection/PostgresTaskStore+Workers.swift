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
    note = template("worker_note", "SELECT {schema}._note_worker_2($1,$2,$3,$4,$5,$6,$7,$8)")
    forget = template("worker_forget", "DELETE FROM {schema}.worker WHERE id = $1")
    list = template(
      "workers",
      // As JSON: arrays are not read otherwise. The whole row: an older schema has fewer columns.
      """
      SELECT id, name, to_json(w), slots, started_at, seen_at FROM {schema}.worker AS w
      WHERE seen_at > statement_timestamp() - interval '2 min' ORDER BY name COLLATE "C", id LIMIT $1
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
      .int4(Int32(clamping: worker.slots)),
      worker.version.map { .text($0) } ?? .null,
      .int4(Int32(clamping: worker.inFlight)),
      HeldRow.json(worker.held).map { .json($0) } ?? .null
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
        guard let lists = try? decoder.decode(ReportRow.self, from: try row.data(2)) else {
          throw LibpqError(.decoding, "The report of a worker cannot be read.")
        }
        return WorkerSnapshot(
          id: try row.uuid(0),
          name: try row.text(1),
          queues: lists.queues.map { QueueName($0) },
          types: lists.types.map { TaskType($0) },
          slots: Int(try row.int4(3)),
          startedAt: try row.timestamptz(4),
          seenAt: try row.timestamptz(5),
          version: lists.version,
          inFlight: lists.inFlight,
          held: lists.held.map(\.held)
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

/// What is read of a row of `worker` as JSON.
private struct ReportRow: Decodable {
  var queues: [String]
  var types: [String]
  var version: String?
  var inFlight: Int?
  var held: [HeldRow]

  private enum Key: String, CodingKey {
    case queues, types, version, held
    case inFlight = "in_flight"
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    queues = try container.decode([String].self, forKey: .queues)
    types = try container.decode([String].self, forKey: .types)
    version = try container.decodeIfPresent(String.self, forKey: .version)
    inFlight = try container.decodeIfPresent(Int.self, forKey: .inFlight)
    // What does not fit was written by hand, or by a newer program; it is left out.
    held = (try? container.decodeIfPresent([HeldRow].self, forKey: .held)) ?? []
  }
}

/// An item of the column `held`.
private struct HeldRow: Codable {
  var task: Int64
  var type: String
  var attempt: Int
  /// Seconds since 1970.
  var since: Double

  init(_ attempt: HeldAttempt) {
    task = attempt.task.rawValue
    type = attempt.type.rawValue
    self.attempt = attempt.attempt
    since = attempt.since.timeIntervalSince1970
  }

  var held: HeldAttempt {
    HeldAttempt(
      task: TaskID(task),
      type: TaskType(type),
      attempt: attempt,
      since: Date(timeIntervalSince1970: since)
    )
  }

  /// nil: there are none.
  static func json(_ held: [HeldAttempt]) -> Data? {
    held.isEmpty ? nil : try? JSONEncoder().encode(held.map { HeldRow($0) })
  }
}
