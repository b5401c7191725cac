CREATE OR REPLACE FUNCTION run_now(task_id bigint, expected_attempt int) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  lane text;
  line text;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  before json;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _as_operator('run_now', task_id::text, expected_attempt::text);
  END IF;
  IF is_noted THEN
    before := _task_brief(task_id);
  END IF;
  -- One that its limit's rate has admitted for a moment to come keeps that.
  UPDATE task t SET ready = t.limit_key IS NULL OR coalesce(t.slot, 0) > 0 AND (t.ready OR t.is_ordered),
    due_at = CASE WHEN t.slot > 0 AND NOT t.ready AND NOT t.is_ordered THEN t.due_at ELSE least(t.due_at, at) END,
    lease_until = greatest(t.lease_until, 'epoch'), slot = CASE WHEN t.limit_key IS NOT NULL THEN coalesce(t.slot, 0) END
  WHERE t.id = task_id AND t.attempt = expected_attempt AND t.finished_at IS NULL AND t.lease_until <= at
  RETURNING t.queue, CASE WHEN t.slot = 0 THEN t.limit_key END INTO lane, line;
  -- No line about a task that is not there.
  IF is_noted AND before IS NOT NULL THEN
    PERFORM _journal('run_now', 'task/' || task_id, json_build_object('expectedAttempt', expected_attempt), before,
      json_build_object('result', CASE WHEN lane IS NULL THEN 'unchanged' ELSE 'due' END), CASE WHEN lane IS NOT NULL THEN ARRAY[task_id] END);
  END IF;
  IF lane IS NULL THEN
    RETURN false;
  END IF;
  IF line IS NOT NULL THEN
    INSERT INTO limit_look (limit_key, look_at) VALUES (line, at);
    lane := E'\x01' || lane;
  END IF;
  PERFORM _wake(ARRAY[lane]);
  RETURN true;
END $$;

COMMENT ON FUNCTION run_now IS
  'Makes a waiting task due at once if it still has that attempt count and no worker holds it; says whether it did. For people:
  retry(task_id).';
