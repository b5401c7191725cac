-- A flow reaches a wait for an event. Decides, once, and records it:
--   lost     the claim does not hold the task, or its lease is over
--   event    it is there, or was: value
--   timeout  the time of the wait is over
--   wait     neither: the flow is to be suspended
-- is_over: the wait has no time at all.
CREATE OR REPLACE FUNCTION _await_event(
  task bigint, claim_token bigint, step_name text, event_key text, step_place int, is_over boolean, OUT decision text, OUT value json
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz;
  s step;
BEGIN
  PERFORM FROM task t WHERE t.id = task AND t.lease_token = claim_token AND t.lease_until > clock_timestamp() FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    decision := 'lost';
    RETURN;
  END IF;
  at := clock_timestamp();
  SELECT x.* INTO s FROM step x WHERE x.task_id = task AND x.name = _await_event.step_name;
  IF s.kind IN ('event', 'timeout') THEN
    decision := s.kind;
    value := s.value;
    RETURN;
  END IF;
  SELECT e.payload INTO value FROM event e WHERE e.key = _await_event.event_key AND e.expires_at > at;
  IF FOUND THEN
    decision := 'event';
  ELSIF is_over OR s.until <= at THEN
    decision := 'timeout';
  ELSE
    decision := 'wait';
    RETURN;
  END IF;
  INSERT INTO step AS x (task_id, name, kind, value, place) VALUES (task, _await_event.step_name, decision, value, step_place)
  ON CONFLICT (task_id, name) DO UPDATE SET kind = excluded.kind, value = excluded.value, until = NULL;
  DELETE FROM event_wait w WHERE w.event_key = _await_event.event_key AND w.task_id = task AND w.step_name = _await_event.step_name;
  UPDATE task t SET has_steps = true, failures = 0, crashes = 0, attempt = CASE WHEN t.failures > 0 OR t.crashes > 0 THEN 1 ELSE t.attempt END
  WHERE t.id = task AND (t.has_steps IS NULL OR t.failures > 0 OR t.crashes > 0);
END $$;
