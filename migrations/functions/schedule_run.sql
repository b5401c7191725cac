CREATE OR REPLACE FUNCTION schedule_run(schedule_name text) RETURNS bigint
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  SELECT t.task_id FROM _schedule_tasks(ARRAY[schedule_name], ARRAY[date_trunc('second', clock_timestamp())], false, true) AS t
$$;

COMMENT ON FUNCTION schedule_run IS
  'Makes a task of a schedule now, also of a paused one; its slots stay as they are. Returns the task''s id, that of the live one if
  overlap forbids another, or NULL: there is no such schedule.';
