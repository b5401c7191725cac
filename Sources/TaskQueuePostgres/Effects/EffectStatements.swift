/// The SQL of the effect ledger, the callback inbox and the alarms, for one schema. The functions of the migration say how they
/// lock.
struct EffectStatements: Sendable {
  typealias Template = StoreStatements.Template

  let begin: Template
  let end: Template
  let resolve: Template
  let effects: Template
  let unsettled: Template
  let purgeEffects: Template
  let receive: Template
  let lockSubject: Template
  let remember: Template
  let claimEvents: Template
  let purgeEvents: Template
  let setRules: Template
  let removeRule: Template
  let rules: Template
  let overduePage: Template
  let overdueDead: Template
  let unsettledCounts: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    begin = template(
      "effect",
      """
      SELECT decision, key::text, call_number, call_ends_in, key_ends_in, value, code, reason
      FROM {schema}._begin_effect($1,$2,$3,$4,$5,$6,$7,$8)
      """
    )
    end = template(
      "effect_end",
      "SELECT state, value, code, reason FROM {schema}._end_effect($1,$2,$3,$4,$5,$6,$7,$8)"
    )
    resolve = template("effect_fix", "SELECT {schema}.resolve_effect($1,$2,$3,$4,$5)")
    let record = """
      SELECT task_id, task_type, name, key::text, state, contradicted, calls, intended_at,
        extract(epoch FROM now() - intended_at)::float8, CASE WHEN state = 'succeeded' THEN value END, code, reason
      FROM {schema}.effect
      """
    effects = template("effects", "\(record) WHERE task_id = $1 ORDER BY name LIMIT $2")
    // Two index scans instead of one condition with OR, which no index serves.
    unsettled = template(
      "unsettled",
      """
      (\(record) WHERE state IN ('intended', 'unknown', 'parked') AND intended_at <= now() - $1 ORDER BY intended_at LIMIT $2)
      UNION ALL
      (\(record) WHERE contradicted AND state NOT IN ('intended', 'unknown', 'parked') ORDER BY changed_at LIMIT $2)
      ORDER BY 8 LIMIT $2
      """
    )
    purgeEffects = template("purge_fx", "SELECT {schema}._purge_effects($1, $2)")
    receive = template(
      "receive",
      "SELECT task_id, is_new FROM {schema}._receive_event($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18)"
    )
    lockSubject = template("subject", "SELECT {schema}._lock_inbox_subject($1, $2)::text")
    remember = template("remember", "SELECT {schema}._remember_event($1,$2,$3,$4,$5)")
    claimEvents = template("claim_ev", "SELECT event_id, payload, received_at FROM {schema}._claim_events($1, $2, $3)")
    purgeEvents = template("purge_ev", "SELECT {schema}._purge_events($1)")
    // Writes only what differs: every process sets its rules when it starts.
    setRules = template(
      "set_rules",
      """
      INSERT INTO {schema}.alarm_rule AS r (type, final_within) SELECT * FROM unnest($1::text[], $2::interval[])
      ON CONFLICT (type) DO UPDATE SET final_within = excluded.final_within WHERE r.final_within <> excluded.final_within
      """
    )
    removeRule = template("del_rule", "DELETE FROM {schema}.alarm_rule WHERE type = $1")
    rules = template(
      "rules",
      "SELECT type, extract(epoch FROM final_within)::float8 FROM {schema}.alarm_rule ORDER BY type"
    )
    // Tasks by id are tasks by age, near enough: the primary key serves, and no index is kept for alarms on the hot table. The
    // page's own row comes first, also without an overdue task.
    overduePage = template(
      "overdue",
      """
      WITH page AS MATERIALIZED (
        SELECT id, queue, type, created_at FROM {schema}.task WHERE id > $1 AND finished_at IS NULL ORDER BY id LIMIT $2
      ), late AS (
        SELECT p.id, p.queue, p.type, p.created_at, extract(epoch FROM now() - greatest(p.created_at, '0001-01-01') - r.final_within)::float8 AS late_by
        FROM page p JOIN {schema}.alarm_rule r ON r.type = p.type WHERE p.created_at < now() - r.final_within
      )
      SELECT s.last_id, s.is_last, l.id, l.queue, l.type, l.created_at, l.late_by, l.total
      FROM (
        SELECT max(id) AS last_id,
          count(*) < $2 OR coalesce(min(created_at) > now() - (SELECT min(final_within) FROM {schema}.alarm_rule), true) AS is_last
        FROM page
      ) AS s LEFT JOIN LATERAL (
        SELECT l.*, count(*) OVER (PARTITION BY l.type) AS total, row_number() OVER (PARTITION BY l.type ORDER BY l.id) AS place
        FROM late l
      ) AS l ON l.place <= $3
      ORDER BY l.id
      """
    )
    overdueDead = template(
      "overdue_d",
      """
      SELECT d.id, d.queue, d.type, d.created_at, extract(epoch FROM now() - greatest(d.created_at, '0001-01-01') - r.final_within)::float8
      FROM {schema}.alarm_rule r CROSS JOIN LATERAL (
        SELECT x.id, x.queue, x.type, x.created_at FROM {schema}.dead_task x
        WHERE x.type = r.type AND x.reason <> 'cancelled' AND x.created_at < now() - r.final_within
        ORDER BY x.id LIMIT $1) AS d
      ORDER BY d.id
      """
    )
    unsettledCounts = template(
      "fx_counts",
      """
      SELECT task_type, state, least(count(*), $2), max(age) FROM (
        SELECT task_type, CASE WHEN state = 'parked' THEN 'parked' ELSE 'unknown' END AS state,
          extract(epoch FROM now() - intended_at)::float8 AS age
        FROM (SELECT * FROM {schema}.effect WHERE state IN ('intended', 'unknown', 'parked') ORDER BY intended_at LIMIT $2) AS u
        WHERE state = 'parked' OR intended_at <= now() - $1
        UNION ALL
        SELECT task_type, 'contradicted', extract(epoch FROM now() - changed_at)::float8
        FROM (SELECT * FROM {schema}.effect WHERE contradicted ORDER BY changed_at LIMIT $2) AS c
      ) AS e GROUP BY 1, 2 ORDER BY 1, 2
      """
    )
  }
}
