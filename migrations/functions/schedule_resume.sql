CREATE OR REPLACE FUNCTION schedule_resume(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  before json;
  was_paused boolean;
BEGIN
  IF NOT has_table_privilege('schedule'::regclass, 'DELETE') THEN
    RETURN _as_operator('schedule_resume', schedule_name);
  END IF;
  IF current_setting('taskqueue.actor', true) <> '' THEN
    before := _schedule_brief(schedule_name);
  END IF;
  UPDATE schedule s SET paused = false, slot = NULL, next_at = '-infinity', revision = s.revision + 1
  WHERE s.name = schedule_name AND s.paused;
  was_paused := FOUND;
  IF before IS NOT NULL THEN
    PERFORM _journal('schedule_resume', 'schedule/' || schedule_name, NULL, before, _schedule_brief(schedule_name));
  END IF;
  IF was_paused THEN
    PERFORM _wake_schedules();
    RETURN true;
  END IF;
  RETURN EXISTS (SELECT FROM schedule s WHERE s.name = schedule_name);
END $$;

COMMENT ON FUNCTION schedule_resume IS
  'Ends schedule_pause: the schedule goes on with its first slot from now; what it would have made meanwhile is not made up for.
  Returns whether there is such a schedule.';
