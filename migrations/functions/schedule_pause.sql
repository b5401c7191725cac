CREATE OR REPLACE FUNCTION schedule_pause(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  before json;
BEGIN
  IF NOT has_table_privilege('schedule'::regclass, 'DELETE') THEN
    RETURN _as_operator('schedule_pause', schedule_name);
  END IF;
  IF current_setting('taskqueue.actor', true) <> '' THEN
    before := _schedule_brief(schedule_name);
  END IF;
  UPDATE schedule s SET paused = true WHERE s.name = schedule_name;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF before IS NOT NULL THEN
    PERFORM _journal('schedule_pause', 'schedule/' || schedule_name, NULL, before, _schedule_brief(schedule_name));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION schedule_pause IS
  'Lets a schedule make no more tasks until schedule_resume; those that it made go on. Programs that declare it do not undo it. Returns
  whether there is such a schedule.';
