CREATE OR REPLACE FUNCTION run_now(task_id bigint, expected_attempt int) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  lane text;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _operate('run_now', task_id::text, expected_attempt::text);
  END IF;
  UPDATE task t SET ready = true, due_at = least(t.due_at, at), lease_until = greatest(t.lease_until, 'epoch')
  WHERE t.id = task_id AND t.attempt = expected_attempt AND t.finished_at IS NULL AND t.lease_until <= at
  RETURNING t.queue INTO lane;
  IF lane IS NULL THEN
    RETURN false;
  END IF;
  PERFORM _wake(ARRAY[lane]);
  RETURN true;
END $$;

COMMENT ON FUNCTION run_now IS
  'Makes a waiting task due at once if it still has that attempt count and no worker holds it; says whether it did. For people:
  retry(task_id).';
