CREATE OR REPLACE FUNCTION schedule_reset(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  before json;
BEGIN
  IF current_setting('taskqueue.actor', true) <> '' THEN
    before := _schedule_brief(schedule_name);
  END IF;
  UPDATE schedule s SET definition = s.code_definition, payload = s.code_payload, changed = false, problem = NULL,
    revision = s.revision + 1, slot = CASE WHEN _same_schedule_plan(s.definition, s.code_definition) THEN s.slot END,
    next_at = CASE WHEN _same_schedule_plan(s.definition, s.code_definition) THEN s.next_at ELSE '-infinity' END
  WHERE s.name = schedule_name AND s.code_definition IS NOT NULL;
  IF FOUND THEN
    PERFORM _wake_schedules();
    IF before IS NOT NULL THEN
      PERFORM _journal('schedule_reset', 'schedule/' || schedule_name, NULL, before, _schedule_brief(schedule_name));
    END IF;
    RETURN true;
  END IF;
  RETURN false;
END $$;

COMMENT ON FUNCTION schedule_reset IS
  'Takes back what people have changed of a schedule: it is again as programs declare it; a paused one stays paused. Returns whether
  there is such a schedule that a program declares.';
