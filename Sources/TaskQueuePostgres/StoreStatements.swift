import Libpq
@_spi(Store) import TaskQueue

/// The SQL of every operation, for one schema. What needs pinned plans or several steps is a function of the migration,
/// which says how it locks.
struct StoreStatements: Sendable {
  /// SQL and the name under which it is prepared.
  struct Template: Sendable {
    let sql: String
    let name: String

    /// - Parameters:
    ///   - name: of its kind; the prepared statement's has the schema's fingerprint besides.
    ///   - sql: with `{schema}` for the schema's name.
    init(_ name: String, _ sql: String, in schema: SchemaName) {
      self.sql = sql.replacing("{schema}", with: schema.quoted)
      self.name = "tq_\(name)_\(schema.fingerprint)"
    }

    func callAsFunction(_ parameters: LibpqValue...) -> LibpqStatement {
      LibpqStatement(sql, parameters, name: name)
    }

    func callAsFunction(_ parameters: [LibpqValue]) -> LibpqStatement {
      LibpqStatement(sql, parameters, name: name)
    }
  }

  /// What the failure of a fence says, as a text that is no number.
  static let lostClaim = "TaskQueue: the claim no longer holds its task"

  /// The table's name, as SQL.
  let taskTable: String
  let enqueue: Template
  let clock: Template
  let drawIDs: Template
  let wake: Template
  let settleComplete: Template
  let completeInTransaction: Template
  let completeAhead: Template
  let completeGroup: Template
  let completeAllInTransaction: Template
  let settle: Template
  let conclude: Template
  let concludeInTransaction: Template
  let concludeAhead: Template
  let suspend: Template
  let suspendInTransaction: Template
  let settleInTransaction: Template
  let claim: Template
  let promoteAndClaim: Template
  let claimAsynchronously: Template
  let openWriters: Template
  let renew: Template
  let channels: Template
  let cancel: Template
  let runNow: Template
  let pause: Template
  let resume: Template
  let pausedQueues: Template
  let deleteDuplicates: Template
  let declareLimit: Template
  let limits: Template
  let setLimit: Template
  let setLimitRate: Template
  let takeLimit: Template
  let pauseLimitFor: Template
  let changeLimit: [LimitChange: Template]
  let tasks: Template
  let task: Template
  let counts: Template
  let unhandled: Template
  let unserved: Template
  let deadLetters: Template
  let redrive: Template
  let purge: Template
  let purgeOld: Template
  let dropExpiredKeys: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    enqueue = template(
      "enqueue",
      "SELECT task_id, is_new FROM {schema}._enqueue_many($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
    )
    taskTable = "\(schema.quoted).task"
    clock = template("clock", "SELECT clock_timestamp(), pg_current_xact_id()")
    let table = schema.literal(of: "task")
    let sequence = schema.literal(of: "task_id_seq")
    // No rows for a role that may only enqueue by functions.
    drawIDs = template(
      "draw",
      """
      SELECT nextval(\(sequence)) FROM generate_series(1, $1)
      WHERE has_table_privilege(\(table), 'INSERT') AND has_sequence_privilege(\(sequence), 'USAGE')
      """
    )
    wake = template("wake", "SELECT {schema}._wake($1)")
    settleComplete = template(
      "complete",
      "SELECT settled_token, busy_token FROM {schema}._settle_complete($1, $2, false, $3)"
    )
    // The transaction's id in the same round trip: an unknown COMMIT can then be looked up.
    completeInTransaction = template(
      "complete_in",
      "SELECT pg_current_xact_id(), EXISTS (SELECT FROM {schema}._settle_complete($1, $2, true))"
    )
    // Fails where the claim no longer holds the task, so that nothing after it in the same round trip is done.
    let fence = """
      SELECT pg_current_xact_id(), CASE count(*) WHEN 0 THEN ('\(Self.lostClaim), of ' || count(*))::int END FROM
      """
    completeAhead = template("complete_ahead", "\(fence) {schema}._settle_complete($1, $2, true)")
    // From here on no statement of the group waits for a lock, or runs, for longer than that.
    completeGroup = template(
      "complete_group",
      """
      SELECT CASE WHEN count(c.settled_token) < cardinality($1) THEN ('\(Self.lostClaim), or more: ' || count(*))::int END,
        set_config('lock_timeout', $3, true), set_config('statement_timeout', $4, true)
      FROM {schema}._settle_complete($1, $2, false) AS c
      """
    )
    concludeAhead = template("conclude_ahead", "\(fence) {schema}._conclude($1, $2, $3, $4, true)")
    completeAllInTransaction = template(
      "complete_all_in",
      """
      SELECT pg_current_xact_id(), c.settled_token
      FROM (SELECT) AS one LEFT JOIN {schema}._settle_complete($1, $2, true) AS c ON true
      """
    )
    settle = template(
      "settle",
      "SELECT settled_token, busy_token FROM {schema}._settle($1,$2,$3,$4,$5,$6,$7,$8,false,$9)"
    )
    conclude = template(
      "conclude",
      "SELECT settled_token, busy_token FROM {schema}._conclude($1, $2, $3, $4, false, $5)"
    )
    concludeInTransaction = template(
      "conclude_in",
      "SELECT pg_current_xact_id(), EXISTS (SELECT FROM {schema}._conclude($1, $2, $3, $4, true))"
    )
    suspend = template("suspend", "SELECT settled_token, busy_token FROM {schema}._suspend($1, $2, $3, $4, false, $5)")
    suspendInTransaction = template(
      "suspend_in",
      "SELECT pg_current_xact_id(), EXISTS (SELECT FROM {schema}._suspend($1, $2, $3, $4, true))"
    )
    settleInTransaction = template(
      "settle_in",
      "SELECT pg_current_xact_id(), EXISTS (SELECT FROM {schema}._settle($1,$2,$3,$4,$5,$6,$7,$8,true))"
    )
    let claiming = "{schema}._claim($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12"
    claim = template("claim", "SELECT * FROM \(claiming), NULL, $13, $14)")
    // What was promoted is handed to the claim, so it is done first. At least one row, in the last columns the promotion.
    promoteAndClaim = template(
      "promote_claim",
      """
      SELECT c.*, p.* FROM {schema}._promote($15, $16) AS p LEFT JOIN LATERAL \(claiming), p.promoted_from, $13, $14) AS c ON true
      """
    )
    claimAsynchronously = template("async", "SELECT set_config('synchronous_commit', 'off', true)")
    // Whoever writes a table holds a lock of this mode to the end of the transaction. The time is taken first.
    openWriters = template(
      "writers",
      """
      SELECT n.at, l.virtualtransaction FROM (SELECT clock_timestamp() AS at OFFSET 0) AS n
      LEFT JOIN pg_locks AS l ON l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid()
        AND l.relation = \(table)::regclass
        AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      """
    )
    renew = template("renew", "SELECT held_token, cancels, busy FROM {schema}._renew($1, $2, $3)")
    channels = template("channels", "SELECT {schema}._channel('tasks'), {schema}._channel('cancels')")
    cancel = template("cancel", "SELECT {schema}.cancel($1)")
    runNow = template("run_now", "SELECT {schema}.run_now($1, $2)")
    pause = template("pause", "SELECT {schema}.pause_queue($1)")
    resume = template("resume", "SELECT {schema}.resume_queue($1)")
    pausedQueues = template("paused", "SELECT queue FROM {schema}.paused_queue ORDER BY queue")
    deleteDuplicates = template("duplicates", "SELECT {schema}.delete_duplicates($1, $2, $3, $4, $5)")
    declareLimit = template("declare_limit", "SELECT {schema}.declare_limit($1, $2, $3, $4, $5, $6, $7)")
    limits = template(
      "limits",
      """
      SELECT name, concurrency, is_ordered, holds, operator_concurrency, is_paused, rate::int,
        (extract(epoch FROM rate_period) * 1000000)::bigint, burst::int, operator_rate::int,
        (extract(epoch FROM operator_rate_period) * 1000000)::bigint, operator_burst::int
      FROM {schema}.limit_rule ORDER BY name
      """
    )
    setLimit = template("set_limit", "SELECT {schema}.set_limit($1, $2)")
    setLimitRate = template("set_limit_rate", "SELECT {schema}.set_limit($1, NULL, $2, $3, $4)")
    takeLimit = template(
      "take_limit",
      "SELECT (extract(epoch FROM {schema}.take_limit($1, $2, $3, $4)) * 1000000)::bigint"
    )
    pauseLimitFor = template("pause_limit_for", "SELECT {schema}.pause_limit_for($1, $2, $3)")
    changeLimit = [
      .pause: template("pause_limit", "SELECT {schema}.pause_limit($1)"),
      .resume: template("resume_limit", "SELECT {schema}.resume_limit($1)"),
      .reset: template("reset_limit", "SELECT {schema}.reset_limit($1)"),
    ]
    let state = """
      CASE WHEN finished_at IS NOT NULL THEN 'finished' WHEN lease_until > now() THEN 'running'
        WHEN slot = 0 THEN 'limited' WHEN due_at <= now() THEN 'due' ELSE 'waiting' END
      """
    let snapshot = """
      SELECT id, queue, type, \(state), priority, payload, headers, attempt, failures, crashes, unique_key, due_at, created_at,
        errors, limit_key || coalesce(E'\\x01' || weight::text, '') FROM {schema}.task
      """
    task = template("task", "\(snapshot) WHERE id = $1 AND finished_at IS NULL")
    tasks = template("tasks", "\(snapshot) WHERE id > $1 AND finished_at IS NULL ORDER BY id LIMIT $2")
    counts = template(
      "counts",
      "SELECT queue, type, \(state), count(*) FROM {schema}.task GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    // Looks at the first 100,000 ready tasks of each queue: those of unknown types gather at the front as others leave.
    unhandled = template(
      "unhandled",
      """
      SELECT q.name, t.type, least(count(*), $3)
      FROM unnest($1::text[]) AS q(name) CROSS JOIN LATERAL (
        SELECT type, lease_until, due_at FROM {schema}.task WHERE ready AND queue = q.name
        ORDER BY priority, due_at, id LIMIT 100000) AS t
      WHERE t.type <> ALL ($2::text[]) AND t.lease_until <= now() AND t.due_at <= now()
      GROUP BY 1, 2 ORDER BY 1, 2
      """
    )
    // From one queue to the next by index; the first task of a queue that is served has not been due for long.
    unserved = template(
      "unserved",
      """
      WITH RECURSIVE q (name) AS (
        (SELECT queue FROM {schema}.task WHERE ready ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT (SELECT t.queue FROM {schema}.task t WHERE t.ready AND t.queue > q.name ORDER BY t.queue LIMIT 1)
        FROM q WHERE q.name IS NOT NULL)
      SELECT q.name::text FROM q CROSS JOIN LATERAL (
        SELECT t.lease_until, t.due_at FROM {schema}.task t WHERE t.ready AND t.queue = q.name
        ORDER BY t.priority, t.due_at, t.id LIMIT 1) AS t
      WHERE q.name <> ALL ($1::text[]) AND t.lease_until <= now() - $2::interval AND t.due_at <= now() - $2::interval
        AND NOT EXISTS (SELECT FROM {schema}.paused_queue p WHERE p.queue = q.name)
      ORDER BY 1 LIMIT $3
      """
    )
    let filter = """
      ($1::bigint[] IS NULL OR id = ANY ($1)) AND ($2::text IS NULL OR type = $2)
        AND ($3::interval IS NULL OR died_at <= now() - $3)
      """
    deadLetters = template(
      "dead",
      """
      SELECT id, queue, type, priority, payload, headers, reason, detail, attempt, failures, crashes, created_at, died_at, errors
      FROM {schema}.dead_task WHERE \(filter) AND id > $4 ORDER BY id LIMIT $5
      """
    )
    // When the walk began; not before what died by a clock that was ahead.
    func walk(_ parameter: String) -> String {
      """
      WITH w AS MATERIALIZED (
        SELECT coalesce(\(parameter)::timestamptz, greatest(clock_timestamp(), (SELECT max(died_at) FROM {schema}.dead_task))) AS at)
      """
    }
    redrive = template(
      "redrive",
      """
      \(walk("$5"))
      SELECT r.id, w.at, r.is_revived FROM w CROSS JOIN LATERAL {schema}._redrive($1, $2, $3, $6, $7, $4, w.at) AS r ORDER BY r.id
      """
    )
    purge = template(
      "purge",
      """
      \(walk("$5")), gone AS (
        DELETE FROM {schema}.dead_task WHERE id = ANY (ARRAY(
          SELECT id FROM {schema}.dead_task
          WHERE \(filter) AND id > coalesce($4::bigint, -9223372036854775808) AND died_at <= (SELECT at FROM w)
          ORDER BY id LIMIT $6 FOR UPDATE SKIP LOCKED))
        RETURNING id, CASE WHEN holds THEN limit_key END AS line), let_on AS (
        INSERT INTO {schema}.limit_look (limit_key, look_at)
        SELECT DISTINCT line, clock_timestamp() FROM gone WHERE line IS NOT NULL)
      SELECT id, (SELECT at FROM w) FROM gone ORDER BY id
      """
    )
    // What it deletes is gone, so it needs no place to go on from.
    purgeOld = template(
      "purge_old",
      """
      \(walk("$3")), gone AS (
        DELETE FROM {schema}.dead_task WHERE id = ANY (ARRAY(
          SELECT id FROM {schema}.dead_task
          WHERE ($1::text IS NULL OR type = $1) AND died_at <= least((SELECT at FROM w), now()) - $2::interval
          ORDER BY died_at LIMIT $4 FOR UPDATE SKIP LOCKED))
        RETURNING id, CASE WHEN holds THEN limit_key END AS line), let_on AS (
        INSERT INTO {schema}.limit_look (limit_key, look_at)
        SELECT DISTINCT line, clock_timestamp() FROM gone WHERE line IS NOT NULL)
      SELECT id, (SELECT at FROM w) FROM gone ORDER BY id
      """
    )
    dropExpiredKeys = template(
      "drop_keys",
      """
      WITH paces AS (
        -- Of keys whose whole burst may come again. A weight counts as a burst.
        DELETE FROM {schema}.limit_pace WHERE limit_key = ANY (ARRAY(
          SELECT p.limit_key FROM {schema}.limit_pace p JOIN {schema}.limit_rule r ON r.name = split_part(p.limit_key, '/', 1)
          WHERE p.next_at < now() - interval '1 day'
            AND p.next_at < now() - coalesce(r.gap * greatest(coalesce(r.operator_burst, r.burst), 1000), interval '0')
          ORDER BY p.next_at LIMIT $1 FOR UPDATE OF p SKIP LOCKED)))
      DELETE FROM {schema}.task WHERE id = ANY (ARRAY(
        SELECT id FROM {schema}.task WHERE NOT ready AND finished_at IS NOT NULL AND due_at <= now()
        ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      """
    )
  }
}
