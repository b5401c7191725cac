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
