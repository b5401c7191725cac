/// The SQL of schedules, for one schema. The functions of the migration say how they lock.
struct ScheduleStatements: Sendable {
  typealias Template = StoreStatements.Template

  let fire: Template
  let due: Template
  let put: Template
  let one: Template
  let list: Template
  let pause: Template
  let resume: Template
  let reset: Template
  let remove: Template
  let run: Template
  let tasks: Template

  init(schema: SchemaName) {
    func template(_ name: String, _ sql: String) -> Template { Template(name, sql, in: schema) }
    fire = template("sched_fire", "SELECT {schema}._fire_schedules($1,$2,$3,$4,$5,$6,$7,$8,$9)")
    due = template("sched_due", "SELECT * FROM {schema}._due_schedules($1)")
    put = template("sched_put", "SELECT {schema}._put_schedules($1,$2,$3,$4)")
    let columns = """
      SELECT name, definition, payload, code_definition, code_payload, changed, paused, slot, last_slot, last_task_id, problem
      FROM {schema}.schedule
      """
    one = template("sched_one", "\(columns) WHERE name = $1")
    list = template("sched_list", "\(columns) WHERE name > $1 COLLATE \"C\" ORDER BY name LIMIT $2")
    pause = template("sched_pause", "SELECT {schema}.schedule_pause($1)")
    resume = template("sched_resume", "SELECT {schema}.schedule_resume($1)")
    reset = template("sched_reset", "SELECT {schema}.schedule_reset($1)")
    remove = template("sched_remove", "SELECT {schema}.schedule_remove($1)")
    let made = "SELECT task_id, is_new FROM {schema}._schedule_tasks"
    run = template("sched_run", "\(made)(ARRAY[$1], ARRAY[date_trunc('second', clock_timestamp())], false, $2)")
    tasks = template(
      "sched_tasks",
      "\(made)(array_fill($1::text, ARRAY[cardinality($2::timestamptz[])]), $2, true, $3)"
    )
  }
}
