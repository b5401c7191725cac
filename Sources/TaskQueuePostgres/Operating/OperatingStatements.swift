/// The SQL of what people see and do, for one schema. The functions of the migration say how they look.
struct OperatingStatements: Sendable {
  typealias Template = StoreStatements.Template

  let list: Template
  let detail: Template
  let overview: Template
  let limitLines: Template
  let actions: Template
  let actionsAboutTask: Template
  let actionsAboutTarget: Template
  let note: Template
  let journal: Template
  let journalSchedule: Template
  let scheduleBrief: Template
  let retry: Template
  let runNow: Template
  let dropDeadLetters: Template
  let dropActions: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    list = template("list", "SELECT * FROM {schema}._list_tasks($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)")
    detail = template("detail", "SELECT * FROM {schema}._task_detail($1, $2)")
    overview = template(
      "overview",
      "SELECT o.*, statement_timestamp(), pg_is_in_recovery() FROM {schema}._overview($1, $2) AS o"
    )
    limitLines = template(
      "limit_lines",
      "SELECT line, taken, waiting, paused_until, held_by FROM {schema}._limit_lines($1,$2,$3,$4)"
    )
    let action = """
      SELECT id, at, actor, role, verb, target, reason, request, before, after, to_json(task_ids), task_count
      """
    // By the primary key, downwards.
    actions = template(
      "actions",
      "\(action) FROM {schema}.action WHERE id < $1 ORDER BY id DESC LIMIT $2"
    )
    actionsAboutTask = template("actions_task", "\(action) FROM {schema}._actions_about($1, $2, $3)")
    actionsAboutTarget = template(
      "actions_about",
      "\(action) FROM {schema}.action WHERE target = $1 AND id < $2 ORDER BY target DESC, id DESC LIMIT $3"
    )
    // To the end of the transaction: the functions write their lines for whom these name.
    // An older schema has no journal, and would do what is asked for without a line: it is an error there.
    note = template(
      "actor",
      """
      SELECT set_config('taskqueue.actor', $1, true), set_config('taskqueue.reason', $2, true), \
      \(schema.literal(of: "_journal"))::regproc::oid
      """
    )
    journal = template("journal", "SELECT {schema}._journal($1,$2,$3,$4,$5,$6,$7)")
    journalSchedule = template(
      "journal_sched",
      "SELECT {schema}._journal('schedule_put', 'schedule/' || $1, NULL, $2::json, {schema}._schedule_brief($1))"
    )
    scheduleBrief = template("sched_brief", "SELECT {schema}._schedule_brief($1)")
    retry = template("retry", "SELECT {schema}.retry($1)")
    runNow = template(
      "run_now_any",
      "SELECT {schema}.run_now($1, coalesce($2, (SELECT t.attempt FROM {schema}.task t WHERE t.id = $1), 0))"
    )
    dropDeadLetters = template("drop_dead", "SELECT {schema}._drop_dead_letters($1, $2)")
    dropActions = template("drop_actions", "SELECT {schema}._drop_actions($1, $2)")
  }
}
