import Libpq

/// The lock table, and sessions that hold up others.
struct LockExamination: Examination {
  static let name = "locks"
  static let needsSchema = false

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let table = try await lockTable(patient)
    let partitions = try await partitions(patient)
    let blocking = try await blocking(patient)
    return table + partitions + blocking
  }

  private static let capacity = """
    (current_setting('max_locks_per_transaction')::bigint
      * (current_setting('max_connections')::bigint + current_setting('max_prepared_transactions')::bigint))
    """

  private func lockTable(_ patient: Patient) async throws -> [DoctorFinding] {
    let row = try await patient.query(
      """
      SELECT count(DISTINCT (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid::text, l.classid, l.objid, l.objsubid)),
        \(Self.capacity), current_setting('max_locks_per_transaction')::bigint
      FROM pg_catalog.pg_locks l WHERE NOT l.fastpath AND l.mode <> 'SIReadLock'
      """
    )[0]
    let (used, capacity, setting) = (try row.int8(0), try row.int8(1), try row.int8(2))
    guard Double(used) >= patient.thresholds.lockTableUse * Double(capacity) else { return [] }
    return [
      DoctorFinding(
        .lockTable,
        .warning,
        "max_locks_per_transaction",
        what: """
          The server's lock table has \(DoctorText.count(used)) of about \(DoctorText.count(capacity)) locks. When it is full, statements fail with \
          "out of shared memory".
          """,
        advice: "End what holds so many, or make the table bigger, which needs a restart.",
        cure: [
          "SELECT pid, count(*) FROM pg_locks WHERE NOT fastpath GROUP BY pid ORDER BY count(*) DESC LIMIT 10;",
          "ALTER SYSTEM SET max_locks_per_transaction = \(max(128, setting * 2));   -- then restart the server",
        ]
      )
    ]
  }

  /// A look over kept outcomes locks every day's partition and its indexes.
  private func partitions(_ patient: Patient) async throws -> [DoctorFinding] {
    let row = try await patient.query(
      """
      SELECT count(*) + coalesce(sum((SELECT count(*) FROM pg_catalog.pg_index x WHERE x.indrelid = i.inhrelid)), 0)::bigint,
        \(Self.capacity), current_setting('max_locks_per_transaction')::bigint
      FROM pg_catalog.pg_inherits i WHERE i.inhparent = to_regclass($1)::oid
      """,
      [.text("\(patient.schema.quoted).done")]
    )[0]
    let (relations, capacity, setting) = (try row.int8(0), try row.int8(1), try row.int8(2))
    guard relations * 4 > capacity else { return [] }
    return [
      DoctorFinding(
        .lockTable,
        .warning,
        "done",
        what: """
          Kept outcomes have \(DoctorText.count(relations)) partitions and indexes, and the server has locks for about \(DoctorText.count(capacity)): few \
          looks over all of them fit at a time.
          """,
        advice: "Keep outcomes for a shorter time, or make the lock table bigger, which needs a restart.",
        cure: ["ALTER SYSTEM SET max_locks_per_transaction = \(max(128, setting * 2));   -- then restart the server"]
      )
    ]
  }

  private func blocking(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT p.pid::bigint, coalesce(b.usename::text, ''), coalesce(b.application_name, ''), coalesce(b.state, ''),
        coalesce(extract(epoch FROM clock_timestamp() - b.xact_start), 0)::float8, count(DISTINCT a.pid),
        max(extract(epoch FROM clock_timestamp() - a.query_start))::float8,
        EXISTS (SELECT FROM pg_catalog.pg_locks x WHERE x.pid = p.pid AND NOT x.granted)
      FROM pg_catalog.pg_stat_activity a CROSS JOIN LATERAL unnest(pg_blocking_pids(a.pid)) AS p(pid)
      LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid = p.pid
      WHERE a.wait_event_type = 'Lock' AND a.datname = current_database()
        AND a.query_start < clock_timestamp() - make_interval(secs => $1)
        AND EXISTS (
          SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = a.pid AND n.nspname = $2)
      GROUP BY p.pid, b.usename, b.application_name, b.state, b.xact_start
      ORDER BY 8, 6 DESC, 1 LIMIT 10
      """,
      [.float8(patient.thresholds.lockWait.seconds), .text(patient.schema.name)]
    )
    // One that waits itself is not the cause.
    return try result.rows.filter { row throws(LibpqError) in try !row.bool(7) }.map { row throws(LibpqError) in
      let (pid, waiting, waited) = (try row.int8(0), try row.int8(5), DoctorText.span(try row.float8(6)))
      let whom = waiting == 1 ? "Another session has" : "\(waiting) other sessions have"
      guard pid != 0 else {
        return DoctorFinding(
          .blockingSession,
          .error,
          "0",
          what: "\(whom) waited for up to \(waited) for a lock of a prepared transaction.",
          advice: "Commit it or roll it back.",
          cure: ["SELECT gid, prepared, owner FROM pg_prepared_xacts ORDER BY prepared;", "ROLLBACK PREPARED 'GID';"]
        )
      }
      return DoctorFinding(
        .blockingSession,
        .error,
        "\(pid)",
        what: """
          \(whom) waited for up to \(waited) for a lock that the session \(pid) holds\
          \(Self.who(try row.text(1), try row.text(2), try row.text(3))), in a transaction of \(DoctorText.span(try row.float8(4))).
          """,
        advice: "Let its program end the transaction, or end the session; what it did is rolled back then.",
        cure: ["SELECT pg_terminate_backend(\(pid));"]
      )
    }
  }

  /// ` (role, application, idle in transaction)`.
  static func who(_ role: String, _ application: String, _ state: String) -> String {
    let words = [role, application, state].filter { !$0.isEmpty }
    return words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"
  }
}
