import Libpq
import TaskQueue
import TaskQueuePostgres

/// The database of a run: prepares and looks at it, on connections that the measured code doesn't use.
struct BenchmarkDatabase: Sendable {
  static let schema = "taskqueue_bench"
  /// The `application_name` of worker processes.
  static let workerName = "taskqueue-bench worker"

  private static let missingPrivilege = "42501"

  let connectionString: String
  let statements = RawStatements(schema: BenchmarkDatabase.schema)
  let server: ServerProcesses?
  /// Whether pg_stat_statements can count statements here.
  let countsStatements: Bool
  /// Whether the server was started for this run.
  let ownsServer: Bool
  private let admin: LibpqConnection

  /// Connects and creates the schema anew.
  static func open(_ connectionString: String, ownsServer: Bool) async throws -> BenchmarkDatabase {
    let admin = try await LibpqConnection.connect(LibpqConfiguration(connectionString))
    try await admin.executeScript(
      """
      SET client_min_messages = warning;
      DROP SCHEMA IF EXISTS \(schema) CASCADE;
      DROP TABLE IF EXISTS public.taskqueue_bench_effect;
      CREATE TABLE public.taskqueue_bench_effect (number bigint NOT NULL)
      """
    )
    try await Migrator(configuration: LibpqConfiguration(connectionString), schema: schema).migrate()
    return BenchmarkDatabase(
      connectionString: connectionString,
      server: ServerProcesses(admin),
      countsStatements: try await StatementCounter.prepare(admin),
      ownsServer: ownsServer,
      admin: admin
    )
  }

  /// Drops what ``open(_:ownsServer:)`` created.
  func close() async throws {
    try await admin.executeScript("DROP SCHEMA \(Self.schema) CASCADE; DROP TABLE public.taskqueue_bench_effect")
    await admin.close()
  }

  func environment() async throws -> BenchmarkEnvironment { try await .read(admin) }

  /// A store with default settings that is connected already; closed whatever `body` does.
  func withStore<Value>(_ body: (PostgresTaskStore) async throws -> Value) async throws -> Value {
    let store = try PostgresTaskStore(.init(LibpqConfiguration(connectionString), schema: Self.schema))
    do {
      _ = try await store.pool.query("SELECT 1")
      let value = try await body(store)
      await store.close()
      return value
    } catch {
      await store.close()
      throw error
    }
  }

  func workerSettings(_ handlers: [WorkerSettings.Handler]) -> WorkerSettings {
    WorkerSettings(connectionString: connectionString, schema: Self.schema, handlers: handlers)
  }

  func empty() async throws {
    try await admin.executeScript(
      """
      TRUNCATE \(Self.schema).task, \(Self.schema).dead_task, \(Self.schema).limit_look, \(Self.schema).step, \(Self.schema).event,
        \(Self.schema).event_wait, \(Self.schema).event_look, public.taskqueue_bench_effect
      """
    )
    try await checkpoint()
  }

  /// Now, not in the middle of what is measured, and before tasks are added: else each first touch of a page would write the whole page to the
  /// log.
  func checkpoint() async throws {
    do { try await admin.executeScript("CHECKPOINT") } catch {
      // Not ours to ask for on this server: the log then has more whole pages, for the raw loops as well.
      guard error.sqlState == Self.missingPrivilege else { throw error }
    }
  }

  /// Empties the tables and adds tasks that are due.
  func fill(_ count: Int, type: TaskType = NoOp.taskType) async throws {
    try await empty()
    try await add(count, type: type)
    try await vacuum()
  }

  /// Schedules that every worker looks after, and whose next slot is far away.
  func addSchedules(_ count: Int) async throws {
    _ = try await admin.query(
      "SELECT \(Self.schema).schedule_put('bench-' || n, '0 0 29 2 *', 'bench.idle') FROM generate_series(1, $1) AS n",
      [.int4(Int32(count))]
    )
  }

  func removeSchedules() async throws { try await admin.executeScript("TRUNCATE \(Self.schema).schedule") }

  func vacuum() async throws { try await admin.executeScript("VACUUM ANALYZE \(Self.schema).task") }

  /// Empties the tables and adds tasks that stand in the lines of a limit.
  func fill(_ count: Int, keys: Int, slots: Int) async throws {
    try await empty()
    try await add(count, keys: keys, slots: slots)
    try await vacuum()
    try await admin.executeScript("VACUUM ANALYZE \(Self.schema).limit_look")
  }

  /// Adds tasks that are due and stand in the lines of a limit, as enqueues of a thousand at a time leave them.
  ///
  /// - Parameters:
  ///   - keys: the tasks go to them in turn.
  ///   - slots: of each key; 0: the limit is paused, so all of them wait.
  func add(_ count: Int, keys: Int, slots: Int) async throws {
    _ = try await admin.query("SELECT \(Self.schema).declare_limit('bench', $1)", [.int4(Int32(max(slots, 1)))])
    _ = try await admin.query("SELECT \(Self.schema).\(slots == 0 ? "pause" : "resume")_limit('bench')")
    _ = try await admin.query(
      """
      WITH stored AS (
        INSERT INTO \(Self.schema).task (type, payload, ready, due_at, limit_key, slot, is_ordered)
        SELECT $1, json_build_object('number', n), false, clock_timestamp(), 'bench/' || n % $3, 0, false
        FROM generate_series(1, $2::bigint) AS n
        RETURNING id, limit_key
      )
      INSERT INTO \(Self.schema).limit_look (limit_key, look_at)
      SELECT DISTINCT ON (s.id / 1000, s.limit_key) s.limit_key, now() FROM stored AS s
      """,
      [.text(NoOp.taskType.rawValue), .int8(Int64(count)), .int8(Int64(keys))]
    )
  }

  /// Adds tasks on the server, in chunks.
  ///
  /// - Parameters:
  ///   - first: the number of the first one; the others follow.
  ///   - progress: called after each chunk with the number of tasks added so far.
  func add(
    _ count: Int,
    type: TaskType = NoOp.taskType,
    from number: Int = 1,
    dueIn delay: Duration = .zero,
    progress: (Int) -> Void = { _ in }
  ) async throws {
    let chunk = 250_000
    for first in stride(from: 0, to: count, by: chunk) {
      let last = min(first + chunk, count)
      _ = try await admin.query(
        """
        INSERT INTO \(Self.schema).task (type, payload, ready, due_at)
        SELECT $1, json_build_object('number', n), $4 <= interval '0', clock_timestamp() + $4
        FROM generate_series($2::bigint, $3::bigint) AS n
        """,
        [.text(type.rawValue), .int8(Int64(first + number)), .int8(Int64(last + number - 1)), .interval(delay)]
      )
      progress(last)
    }
  }

  /// Adds flows that wait for a day, every second one for an event, in chunks.
  func addSleepingFlows(_ count: Int) async throws {
    let chunk = 250_000
    for first in stride(from: 0, to: count, by: chunk) {
      _ = try await admin.query(
        """
        WITH flow AS (
          INSERT INTO \(Self.schema).task (type, payload, ready, due_at, has_steps)
          SELECT $1, json_build_object('number', n), false, clock_timestamp() + interval '1 day', true
          FROM generate_series($2::bigint, $3::bigint) AS n
          RETURNING id, due_at
        ), wait AS (
          INSERT INTO \(Self.schema).step (task_id, name, kind, place, until) SELECT id, 'wait', 'wait', 1, due_at FROM flow
        )
        INSERT INTO \(Self.schema).event_wait (event_key, task_id, step_name) SELECT 'event/' || id, id, 'wait' FROM flow WHERE id % 2 = 0
        """,
        [.text(NoOp.taskType.rawValue), .int8(Int64(first)), .int8(Int64(min(first + chunk, count) - 1))]
      )
    }
  }

  func add<Payload: TaskPayload>(_ payload: Payload) async throws {
    try await withStore { store in _ = try await TaskClient(store: store).enqueue(payload) }
  }

  func addDeadLetters(_ count: Int) async throws {
    _ = try await admin.query(
      """
      INSERT INTO \(Self.schema).dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at,
        reason, payload)
      SELECT -n, 'default', $1, 100, 25, 25, 0, now(), now(), 'failed', json_build_object('number', n)
      FROM generate_series(1, $2::bigint) AS n
      """,
      [.text(NoOp.taskType.rawValue), .int8(Int64(count))]
    )
    try await admin.executeScript("VACUUM ANALYZE \(Self.schema).dead_task")
  }

  /// Whether one of the newest tasks is due or held: while a drain ends those are the ones that may be there. Cheap.
  func isRecentReady() async throws -> Bool {
    let row = try await admin.query(
      """
      SELECT EXISTS (SELECT FROM \(Self.schema).task
        WHERE id > (SELECT last_value - 5000 FROM \(Self.schema).task_id_seq) AND ready)
      """
    )
    return try row[0].bool(0)
  }

  func deadLetters() async throws -> Int {
    Int(try await admin.query("SELECT count(*) FROM \(Self.schema).dead_task")[0].int8(0))
  }

  func count(where condition: String) async throws -> Int {
    Int(try await admin.query("SELECT count(*) FROM \(Self.schema).task WHERE \(condition)")[0].int8(0))
  }

  /// Steps that are recorded.
  func steps() async throws -> Int {
    Int(try await admin.query("SELECT count(*) FROM \(Self.schema).step")[0].int8(0))
  }

  /// Business rows of the transactional scenario.
  func effects() async throws -> Int {
    Int(try await admin.query("SELECT count(*) FROM public.taskqueue_bench_effect")[0].int8(0))
  }

  /// Bytes written to the write-ahead log so far.
  func walBytes() async throws -> Int64 {
    try await admin.query("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")[0].int8(0)
  }

  /// Connections of worker processes.
  func workerConnections() async throws -> Int {
    Int(
      try await admin.query(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
        [.text(Self.workerName)]
      )[0].int8(0)
    )
  }

  /// Lets pg_stat_statements count in sessions that begin from now on. Off else, because counting costs. A server that isn't
  /// ours is left as it is.
  func trackStatements(_ isOn: Bool) async throws {
    guard ownsServer, countsStatements else { return }
    try await admin.executeScript(
      "ALTER DATABASE postgres SET pg_stat_statements.track = '\(isOn ? "top" : "none")'"
    )
  }

  /// Statements so far, and how many of them were claims; what functions run inside doesn't count.
  func statementCounts() async throws -> StatementCounter { try await .read(admin, isExact: countsStatements) }
}
