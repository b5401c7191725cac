CREATE OR REPLACE FUNCTION schedule_run(schedule_name text) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  made record;
BEGIN
  SELECT t.task_id, t.is_new INTO made
  FROM _schedule_tasks(ARRAY[schedule_name], ARRAY[date_trunc('second', clock_timestamp())], false, true) AS t;
  IF FOUND AND current_setting('taskqueue.actor', true) <> '' THEN
    PERFORM _journal('schedule_run', 'schedule/' || schedule_name, NULL, NULL, json_build_object('task', made.task_id, 'isNew', made.is_new),
      ARRAY[made.task_id]);
  END IF;
  RETURN made.task_id;
END $$;

COMMENT ON FUNCTION schedule_run IS
  'Makes a task of a schedule now, also of a paused one; its slots stay as they are. Returns the task''s id, that of the live one if
  overlap forbids another, or NULL: there is no such schedule.';
