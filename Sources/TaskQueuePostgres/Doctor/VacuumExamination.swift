import Libpq

/// What keeps vacuum from removing dead rows, and vacuum that does not run.
struct VacuumExamination: Examination {
  static let name = "vacuum"
  static let needsSchema = false

  func findings(_ patient: Patient) async throws -> [DoctorFinding] {
    let view = try await limitedView(patient)
    let sessions = try await sessions(patient)
    let prepared = try await prepared(patient)
    let slots = try await slots(patient)
    let standbys = try await standbys(patient)
    let off = try await autovacuum(patient)
    return view + sessions + prepared + slots + standbys + off
  }

  private static let reason = "What workers delete and update since then stays on disk, and claims get slower."

  private func limitedView(_ patient: Patient) async throws -> [DoctorFinding] {
    let row = try await patient.query(
      "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), current_user::text"
    )[0]
    guard try !row.bool(0) else { return [] }
    let role = try row.text(1)
    return [
      DoctorFinding(
        .limitedView,
        .note,
        role,
        what:
          "The role \(QuotedText.identifier(role)) does not see what sessions of other roles do: some of them may hold up vacuum or tasks unnoticed.",
        advice: "Look as a role with pg_monitor.",
        cure: ["GRANT pg_monitor TO \(QuotedText.identifier(role));"]
      )
    ]
  }

  private func sessions(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT a.pid::bigint, coalesce(a.usename::text, ''), coalesce(a.application_name, ''), coalesce(a.state, ''),
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8
      FROM pg_catalog.pg_stat_activity a
      WHERE (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL) AND a.pid <> pg_backend_pid() AND a.datname = current_database()
        AND a.backend_type <> 'walsender' AND a.xact_start < clock_timestamp() - make_interval(secs => $1)
      ORDER BY a.xact_start LIMIT 10
      """,
      [.float8(patient.thresholds.transactionAge.seconds)]
    )
    return try result.rows.map { row throws(LibpqError) in
      let pid = try row.int8(0)
      return DoctorFinding(
        .vacuumHeldBack,
        .warning,
        "\(pid)",
        what: """
          The session \(pid)\(LockExamination.who(try row.text(1), try row.text(2), try row.text(3))) has a transaction open for \
          \(DoctorText.span(try row.float8(4))), which holds vacuum back. \(Self.reason)
          """,
        advice: "Let its program end the transaction, or end the session; what it did is rolled back then.",
        cure: [
          "SELECT pg_terminate_backend(\(pid));",
          "ALTER ROLE \(QuotedText.identifier(try row.text(1))) SET idle_in_transaction_session_timeout = '5 min';   -- so that it does not come again",
        ]
      )
    }
  }

  private func prepared(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT p.gid, p.owner::text, extract(epoch FROM clock_timestamp() - p.prepared)::float8 FROM pg_catalog.pg_prepared_xacts p
      WHERE p.database = current_database() AND p.prepared < clock_timestamp() - make_interval(secs => $1) ORDER BY p.prepared LIMIT 10
      """,
      [.float8(patient.thresholds.transactionAge.seconds)]
    )
    return try result.rows.map { row throws(LibpqError) in
      let gid = try row.text(0)
      return DoctorFinding(
        .vacuumHeldBack,
        .warning,
        gid,
        what: """
          The prepared transaction \(gid) of \(try row.text(1)) is \(DoctorText.span(try row.float8(2))) old and holds vacuum back; it survives \
          restarts, and keeps its locks. \(Self.reason)
          """,
        advice: "Let the transaction manager end it, or end it by hand if that has forgotten it.",
        cure: ["ROLLBACK PREPARED \(QuotedText.literal(gid));   -- or COMMIT PREPARED, if its manager decided so"]
      )
    }
  }

  private func slots(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT s.slot_name::text, s.slot_type, s.active, greatest(age(s.xmin), age(s.catalog_xmin))::bigint, s.xmin IS NOT NULL
      FROM pg_catalog.pg_replication_slots s WHERE greatest(age(s.xmin), age(s.catalog_xmin)) > $1
      ORDER BY 4 DESC LIMIT 10
      """,
      [.int8(Int64(patient.thresholds.heldTransactions))]
    )
    return try result.rows.map { row throws(LibpqError) in
      let (name, isActive) = (try row.text(0), try row.bool(2))
      return DoctorFinding(
        .vacuumHeldBack,
        .warning,
        name,
        what: """
          The \(try row.text(1)) replication slot \(name), which \(isActive ? "is in use" : "nobody reads from"), holds vacuum back by \
          \(DoctorText.count(try row.int8(3))) transactions\(try row.bool(4) ? ". \(Self.reason)" : ", of the catalogs; and it keeps WAL on disk.")
          """,
        advice: isActive
          ? "Look at what reads from it: it lags behind."
          : "Start what reads from it, or drop it if nothing does any more.",
        cure: isActive
          ? ["SELECT * FROM pg_stat_replication;"] : ["SELECT pg_drop_replication_slot(\(QuotedText.literal(name)));"]
      )
    }
  }

  private func standbys(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT r.application_name, coalesce(r.client_addr::text, 'a local socket'), age(r.backend_xmin)::bigint FROM pg_catalog.pg_stat_replication r
      WHERE age(r.backend_xmin) > $1 ORDER BY 3 DESC LIMIT 10
      """,
      [.int8(Int64(patient.thresholds.heldTransactions))]
    )
    return try result.rows.map { row throws(LibpqError) in
      let name = try row.text(0)
      return DoctorFinding(
        .vacuumHeldBack,
        .warning,
        name,
        what: """
          The standby \(name) (\(try row.text(1))) has hot_standby_feedback on and a long query: it holds vacuum back by \
          \(DoctorText.count(try row.int8(2))) transactions. \(Self.reason)
          """,
        advice:
          "End the long query there, or turn the feedback off there: its long queries are then cancelled instead.",
        cure: [
          "SELECT pid, xact_start, state FROM pg_stat_activity WHERE backend_xmin IS NOT NULL ORDER BY xact_start;   -- on the standby",
          "ALTER SYSTEM SET hot_standby_feedback = off; SELECT pg_reload_conf();   -- on the standby",
        ]
      )
    }
  }

  private func autovacuum(_ patient: Patient) async throws -> [DoctorFinding] {
    let result = try await patient.query(
      """
      SELECT g.name, NULL FROM pg_catalog.pg_settings g WHERE g.name IN ('autovacuum', 'track_counts') AND g.setting = 'off'
      UNION ALL
      SELECT 'table', c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND EXISTS (
        SELECT FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = 'autovacuum_enabled' AND NOT o.option_value::boolean)
      ORDER BY 1, 2
      """,
      [.text(patient.schema.name)]
    )
    return try result.rows.map { row throws(LibpqError) in
      let name = try row.text(0)
      if let table = try row.optionalText(1) {
        return DoctorFinding(
          .autovacuumOff,
          .error,
          table,
          what: "Autovacuum is off for the table \(patient.qualified(table)): dead rows pile up.",
          advice: "Let autovacuum see to it again.",
          cure: [
            "ALTER TABLE \(patient.qualified(table)) RESET (autovacuum_enabled);",
            "VACUUM (ANALYZE) \(patient.qualified(table));",
          ]
        )
      }
      return DoctorFinding(
        .autovacuumOff,
        .error,
        name,
        what:
          "The server's setting \(name) is off: nothing removes dead rows, and every queue gets slower by the hour.",
        advice: "Turn it on.",
        cure: ["ALTER SYSTEM SET \(name) = on;", "SELECT pg_reload_conf();"]
      )
    }
  }
}
