/// The SQL of flows, for one schema. The functions of the migration say how they lock.
struct FlowStatements: Sendable {
  typealias Template = StoreStatements.Template

  let record: Template
  let recordInTransaction: Template
  let hold: Template
  let awaitEvent: Template
  let emit: Template
  let steps: Template
  let isTrueEverywhere: Template
  let purge: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    record = template(
      "steps_rec",
      "SELECT {schema}._record_steps($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)"
    )
    // The transaction's id in the same round trip: an unknown COMMIT can then be looked up.
    recordInTransaction = template(
      "step_in",
      "SELECT {schema}._record_steps($1,$2,$3,$4,$5,$6,$7,$8,true) IS NULL, pg_current_xact_id()"
    )
    hold = template(
      "hold",
      """
      SELECT EXISTS (SELECT FROM {schema}.task WHERE id = $1 AND lease_token = $2 AND lease_until > clock_timestamp()
        FOR NO KEY UPDATE), pg_current_xact_id()
      """
    )
    awaitEvent = template("await", "SELECT decision, value FROM {schema}._await_event($1,$2,$3,$4,$5,$6)")
    emit = template("emit", "SELECT {schema}.emit($1, $2, $3, $4)")
    steps = template(
      "steps",
      """
      SELECT json_agg(json_build_array(s.name, s.kind, s.place, s.value::text, encode(s.digest, 'hex'), extract(epoch FROM s.until)::float8))
      FROM (SELECT * FROM {schema}.step WHERE task_id = $1 ORDER BY place LIMIT $2) AS s
      """
    )
    isTrueEverywhere = template(
      "version",
      """
      SELECT NOT EXISTS (
        SELECT FROM (
          SELECT t.id FROM {schema}.task t WHERE t.type = $1 AND t.has_steps AND t.finished_at IS NULL
            AND EXISTS (SELECT FROM {schema}.step s WHERE s.task_id = t.id)
          UNION ALL
          SELECT d.id FROM {schema}.dead_task d WHERE d.type = $1 AND EXISTS (SELECT FROM {schema}.step s WHERE s.task_id = d.id)
        ) AS f
        WHERE NOT EXISTS (SELECT FROM {schema}.step s WHERE s.task_id = f.id AND s.name = $2 AND s.value::text = 'true'))
      """
    )
    purge = template("purge_fl", "SELECT deleted, next_id FROM {schema}._purge_flows($1, $2)")
  }
}
