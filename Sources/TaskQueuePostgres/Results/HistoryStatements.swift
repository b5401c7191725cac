/// The SQL of results and history, for one schema.
struct HistoryStatements: Sendable {
  typealias Template = StoreStatements.Template

  let ending: Template
  let note: Template
  let throughput: Template
  let keep: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    // One statement, one snapshot: a task that ends meanwhile is found on one side.
    ending = template(
      "ending",
      """
      SELECT 'live', NULL::json, NULL, NULL, NULL, NULL FROM {schema}.task WHERE id = $1 AND finished_at IS NULL
      UNION ALL
      SELECT 'completed', result, NULL, NULL, NULL, NULL FROM {schema}.done WHERE id = $1 AND expires_at > clock_timestamp()
      UNION ALL
      SELECT 'dead', NULL, type, reason, detail, errors -> -1 ->> 'message' FROM {schema}.dead_task WHERE id = $1
      UNION ALL
      SELECT 'gone', NULL, NULL, NULL, NULL, NULL WHERE {schema}._was_enqueued($1)
      LIMIT 1
      """
    )
    note = template("through_add", "SELECT {schema}._note_throughput($1, $2, $3, $4)")
    throughput = template(
      "through",
      """
      SELECT minute, queue, type, outcome, attempts FROM {schema}.throughput_minute
      WHERE minute > statement_timestamp() - $1 - interval '1 minute' ORDER BY minute DESC, queue DESC, type DESC, outcome DESC LIMIT $2
      """
    )
    keep = template("history", "SELECT {schema}._keep_history($1)")
  }
}
