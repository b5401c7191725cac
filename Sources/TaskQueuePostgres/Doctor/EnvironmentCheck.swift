import Libpq
import TaskQueue
import TaskQueueMigrations

/// What a worker needs of schema, role and settings: looked at by two statements that read catalogs only; told in one error when a worker
/// starts, and one by one by ``Doctor``.
struct EnvironmentCheck: Sendable {
  /// What the role must be allowed on each table.
  static let tablePrivileges: [(table: String, privileges: [String])] = [
    ("task", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("dead_task", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("effect", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("inbox_event", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("alarm_rule", ["SELECT"]), ("paused_queue", ["SELECT"]), ("effect_namespace", ["SELECT"]),
    ("schedule", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("worker", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("step", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("event", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("event_wait", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("event_look", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("done", ["SELECT", "INSERT"]), ("throughput_minute", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("task_group", ["SELECT", "INSERT", "UPDATE", "DELETE"]), ("group_end", ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("migration", ["SELECT"]),
  ]

  /// Shorter limits of the server's cut off statements that are in order.
  static let shortestTimeout = Duration.seconds(1)

  let schema: SchemaName
  let scripts: SchemaScripts
  /// Whose privileges are looked at; nil: the session's role. What settings and row security do is looked at for the session in any case.
  var role: String?

  /// Before the statement, in its transaction: a limit that is too short would cut off the look for it.
  static let noTimeout = LibpqStatement("SELECT set_config('statement_timeout', '0', true)")

  /// Rows of `kind`, and what it is about. Needs no privilege, and no schema.
  var statement: LibpqStatement {
    let tables = Self.tablePrivileges.flatMap { table, privileges in privileges.map { (table, $0) } }
    return LibpqStatement(
      Self.sql,
      [
        .text(schema.name), .textArray(tables.map(\.0)), .textArray(tables.map(\.1)),
        .textArray(scripts.functions.map(\.name)), .int8(Self.shortestTimeout.components.seconds * 1000),
        role.map { .text($0) } ?? .null,
      ]
    )
  }

  /// For a role and a schema in which the first statement found nothing amiss.
  var versionStatement: LibpqStatement {
    LibpqStatement(
      """
      SELECT coalesce(max(version), 0), coalesce(max(minimum_program_version) FILTER (WHERE version > $1), 0)
      FROM \(schema.quoted).migration
      """,
      [.int4(Int32(scripts.newestVersion))]
    )
  }

  private static let sql = """
    WITH w AS (
      SELECT coalesce($6::text, current_user::text)::name AS role
    ), s AS (
      SELECT n.oid, has_schema_privilege(w.role, n.oid, 'USAGE') AS is_usable FROM w, pg_catalog.pg_namespace n WHERE n.nspname = $1
    ), r AS (
      SELECT c.oid, c.relname, c.relkind FROM pg_catalog.pg_class c JOIN s ON c.relnamespace = s.oid
    ), f AS (
      SELECT p.oid, p.proname, p.proconfig FROM pg_catalog.pg_proc p JOIN s ON p.pronamespace = s.oid
      WHERE p.proname = ANY ($4::text[]::name[])
    )
    SELECT 'session', w.role::text, current_database()::text, current_setting('default_transaction_isolation') FROM w
    UNION ALL
    SELECT 'login', session_user::text, NULL, NULL
    UNION ALL
    SELECT 'schema', NULL, NULL, NULL WHERE NOT EXISTS (SELECT FROM s)
    UNION ALL
    SELECT 'usage', NULL, NULL, NULL FROM s WHERE NOT s.is_usable
    UNION ALL
    SELECT DISTINCT 'missing', n.name, NULL, NULL FROM s, unnest($2::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM r WHERE r.relname::text = n.name AND r.relkind IN ('r', 'p'))
    UNION ALL
    SELECT 'missing', n.name, NULL, NULL FROM s, unnest($4::text[]) AS n(name)
    WHERE NOT EXISTS (SELECT FROM f WHERE f.proname::text = n.name)
    UNION ALL
    SELECT DISTINCT 'renamed', substr(c.setting, 13), NULL, NULL FROM f, unnest(f.proconfig) AS c(setting)
    WHERE starts_with(c.setting, 'search_path=')
      AND replace(c.setting, '"', '') <> 'search_path=' || replace($1, '"', '') || ', pg_temp'
    UNION ALL
    SELECT 'privilege', n.privilege, quote_ident(n.name), NULL FROM unnest($2::text[], $3::text[]) AS n(name, privilege)
    JOIN r ON r.relname::text = n.name AND r.relkind IN ('r', 'p') CROSS JOIN w WHERE NOT has_table_privilege(w.role, r.oid, n.privilege)
    UNION ALL
    SELECT 'privilege', n.privilege, 'SEQUENCE task_id_seq', NULL FROM unnest(ARRAY['USAGE', 'SELECT']) AS n(privilege)
    JOIN r ON r.relname = 'task_id_seq' AND r.relkind = 'S' CROSS JOIN w WHERE NOT has_sequence_privilege(w.role, r.oid, n.privilege)
    UNION ALL
    SELECT 'privilege', 'EXECUTE', 'FUNCTION ' || quote_ident(f.proname), NULL FROM f, w
    WHERE f.proname NOT LIKE 'grant%' AND f.proname NOT IN ('_grant', '_operate', '_enqueue_as_owner')
      AND NOT has_function_privilege(w.role, f.oid, 'EXECUTE')
    UNION ALL
    SELECT 'row_security', r.relname::text, NULL, NULL FROM r
    WHERE r.relname::text = ANY ($2::text[]) AND r.relkind IN ('r', 'p') AND row_security_active(r.oid)
    UNION ALL
    SELECT 'encoding', getdatabaseencoding()::text, NULL, NULL WHERE getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII')
    UNION ALL
    -- reset_val: as the session began. Whose setting it was then, the catalog knows; what it does not know came with the connection.
    SELECT 'setting', g.name, g.reset_val, CASE WHEN g.source <> 'session' THEN g.source ELSE coalesce((
        SELECT CASE WHEN d.setrole = 0 THEN 'database' WHEN d.setdatabase = 0 THEN 'user' ELSE 'database user' END
        FROM pg_catalog.pg_db_role_setting d, unnest(d.setconfig) AS c(setting)
        WHERE starts_with(c.setting, g.name || '=') AND d.setrole IN (0, quote_ident(session_user)::regrole)
          AND d.setdatabase IN (0, (SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = current_database()))
        ORDER BY d.setrole <> 0 AND d.setdatabase <> 0 DESC, d.setrole <> 0 DESC LIMIT 1), 'client') END
    FROM pg_catalog.pg_settings g
    WHERE CASE
      WHEN g.name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout',
        'idle_session_timeout') THEN g.reset_val::bigint > 0 AND g.reset_val::bigint < $5::bigint
      WHEN g.name = 'default_transaction_read_only' THEN g.reset_val = 'on' AND NOT pg_is_in_recovery()
      ELSE false
    END
    """
}
