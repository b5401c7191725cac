public import Libpq
@_spi(Store) public import TaskQueue

/// The SQL of groups, for one schema. The functions of the migration say how they lock.
struct GroupStatements: Sendable {
  typealias Template = StoreStatements.Template

  let make: Template
  let progress: Template
  let ends: Template
  let keep: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    // The transaction's id in the same round trip: an unknown COMMIT can then be looked up.
    make = template("group_make", "SELECT {schema}._make_group($1, $2, $3, $4), pg_current_xact_id()")
    progress = template(
      "group",
      "SELECT total, completed, failed, created_at, finished_at FROM {schema}.task_group WHERE id = $1"
    )
    ends = template(
      "group_ends",
      """
      SELECT member, place, task_id, outcome, detail, value FROM {schema}.group_end
      WHERE group_id = $1 AND place > $2 ORDER BY place LIMIT $3
      """
    )
    keep = template("group_keep", "SELECT {schema}._purge_groups($1)")
  }
}

@_spi(Store) extension PostgresTaskStore: GroupStore {
  public func progress(of group: GroupID) async throws(TaskQueueError) -> GroupProgress? {
    let result = try await query(groupStatements.progress(.int8(group.rawValue)))
    return try read { () throws(LibpqError) in
      guard let row = result.rows.first else { return nil }
      return GroupProgress(
        total: Int(try row.int4(0)),
        completed: Int(try row.int4(1)),
        failed: Int(try row.int4(2)),
        createdAt: try row.timestamptz(3),
        finishedAt: try row.optionalTimestamptz(4)
      )
    }
  }

  public func ends(
    of group: GroupID,
    after place: Int,
    limit: Int
  ) async throws(TaskQueueError) -> [GroupEnd] {
    let result = try await query(
      groupStatements.ends(.int8(group.rawValue), .int4(Int32(clamping: place)), .int8(Int64(limit)))
    )
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        let outcome: GroupEnd.Outcome =
          switch try row.text(3) {
          case "completed": .completed(try row.optionalData(5))
          case "gone": .gone
          case let reason: .dead(DeadLetterReason(rawValue: reason), detail: try row.optionalText(4))
          }
        return GroupEnd(
          member: Int(try row.int4(0)),
          place: Int(try row.int4(1)),
          task: try row.optionalInt8(2).map { TaskID($0) },
          outcome: outcome
        )
      }
    }
  }

  public func keepGroups(within limit: Duration) async throws(TaskQueueError) -> Int {
    let result = try await query(groupStatements.keep(.int4(Int32(Limits.page))), within: limit)
    return try read { () throws(LibpqError) in Int(try result[0].int8(0)) }
  }
}

extension PostgresTaskStore {
  public func makeGroup(
    of tasks: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> GroupID {
    let result = try await query(
      groupStatements.make(
        .int8Array(tasks.map(\.rawValue)),
        atMost.map { .int4(Int32(clamping: $0)) } ?? .null,
        parent.map { .int8($0.rawValue) } ?? .null,
        callback.map { .int8($0.rawValue) } ?? .null
      ),
      in: transaction
    )
    let (group, id) = try read { () throws(LibpqError) in (try result[0].int8(0), UInt64(try result[0].int8(1))) }
    transaction.transactionID = id
    return GroupID(group)
  }
}
