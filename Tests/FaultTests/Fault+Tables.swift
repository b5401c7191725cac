import EmbeddedPostgres
import Libpq

extension Fault {
  /// Of the tables: locks, limits, and a clock that is wrong.
  static let ofTables = [statementTimeout, lockedTable, lockedRows, clockForward, clockBack]

  private static let statementTimeout = Fault(
    name: "statement timeout",
    meaning: "the role's `statement_timeout` is 1 s, and the table of tasks is locked",
    setUp: { site in
      try await site.execute("ALTER ROLE app SET statement_timeout = '1s'")
      return {}
    },
    begin: { app, _ in try await locking("LOCK TABLE taskqueue.task IN ACCESS EXCLUSIVE MODE", at: app.site) }
  )

  private static let lockedTable = Fault(
    name: "table locked for long",
    length: .seconds(120),
    meaning: "`LOCK TABLE` of the table of tasks, as a migration holds it"
  ) { app, _ in
    try await locking("LOCK TABLE taskqueue.task IN ACCESS EXCLUSIVE MODE", at: app.site)
  }

  private static let lockedRows = Fault(
    name: "rows locked for long",
    length: .seconds(20),
    meaning: "the rows of running tasks are locked by another transaction",
    work: .goesOn(within: FaultApp.callLimit + .seconds(2))
  ) { app, _ in
    let rows = "SELECT id FROM taskqueue.task WHERE type IN ('fault.charge', 'fault.stay') ORDER BY id FOR UPDATE"
    return try await locking(rows, at: app.site)
  }

  private static func locking(_ sql: String, at site: FaultSite) async throws -> End {
    let connection = try await site.administrator()
    try await connection.executeScript("BEGIN; \(sql)")
    return {
      try await connection.executeScript("ROLLBACK")
      await connection.close()
    }
  }

  private static let clockForward = Fault(
    name: "clock +1 h",
    meaning: "the database's clock jumps ahead, and stays there",
    work: .goesOn(within: .seconds(2)),
    setUp: { site in try await site.replaceClock() },
    begin: { app, _ in try await app.site.moveClock(by: "1 hour") }
  )

  private static let clockBack = Fault(
    name: "clock −1 h",
    meaning: "the database's clock jumps back, and stays there",
    work: .goesOn(within: .seconds(2)),
    setUp: { site in try await site.replaceClock() },
    begin: { app, _ in try await app.site.moveClock(by: "-1 hour") }
  )
}

/// A clock for the queue alone: functions with the names of PostgreSQL's own, which its statements find first.
extension FaultSite {
  /// Before the app connects: for its own statements and for the columns' defaults.
  fileprivate func replaceClock() async throws -> Fault.End {
    let offset = "coalesce(nullif(current_setting('fault.clock_offset', true), ''), '0')::interval"
    try await execute(
      """
      CREATE SCHEMA fault;
      GRANT USAGE ON SCHEMA fault TO app;
      CREATE FUNCTION fault.now() RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT pg_catalog.now() + \(offset) $$;
      CREATE FUNCTION fault.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
        AS $$ SELECT pg_catalog.statement_timestamp() + \(offset) $$;
      CREATE FUNCTION fault.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS $$ SELECT pg_catalog.clock_timestamp() + \(offset) $$;
      ALTER ROLE app SET search_path = fault, pg_catalog;
      DO $$
      DECLARE
        place record;
      BEGIN
        FOR place IN
          SELECT adrelid::regclass AS name, attname FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
            JOIN pg_class c ON c.oid = adrelid
          WHERE relnamespace = 'taskqueue'::regnamespace AND pg_get_expr(adbin, adrelid) IN ('clock_timestamp()', 'now()')
        LOOP
          EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT fault.clock_timestamp()', place.name, place.attname);
        END LOOP;
      END $$
      """
    )
    return {}
  }

  /// Also has the queue's functions look there, which a worker that starts would not accept.
  fileprivate func moveClock(by offset: String) async throws -> Fault.End {
    try await execute(
      """
      DO $$
      DECLARE
        function regprocedure;
      BEGIN
        FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'taskqueue'::regnamespace LOOP
          EXECUTE format('ALTER FUNCTION %s SET search_path = taskqueue, fault, pg_catalog, pg_temp', function);
        END LOOP;
      END $$
      """
    )
    try await server.configure(["fault.clock_offset": offset])
    return {}
  }
}
