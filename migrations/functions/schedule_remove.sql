CREATE OR REPLACE FUNCTION schedule_remove(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  before json;
BEGIN
  IF NOT has_table_privilege('schedule'::regclass, 'DELETE') THEN
    RETURN _as_operator('schedule_remove', schedule_name);
  END IF;
  IF current_setting('taskqueue.actor', true) <> '' THEN
    before := _schedule_brief(schedule_name);
  END IF;
  DELETE FROM schedule s WHERE s.name = schedule_name;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF before IS NOT NULL THEN
    PERFORM _journal('schedule_remove', 'schedule/' || schedule_name, NULL, before);
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION schedule_remove IS
  'Deletes a schedule; the tasks that it made go on. A program that declares it adds it again when it starts: take it out of the
  program first, or pause it. Returns whether there was one.';
