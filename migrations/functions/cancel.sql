CREATE OR REPLACE FUNCTION cancel(task_id bigint) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  found_task record;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _as_operator('cancel', task_id::text);
  END IF;
  SELECT t.finished_at, t.lease_until, t.lease_token INTO found_task FROM task t WHERE t.id = task_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN CASE WHEN _was_enqueued(task_id) THEN 'finished' ELSE 'unknown' END;
  ELSIF found_task.finished_at IS NOT NULL THEN
    RETURN 'finished';
  ELSIF found_task.lease_until > at THEN
    -- What was asked for before the cancellation is cancelled with it.
    UPDATE task t SET cancel_requested = true, rerun = false
    WHERE t.id = task_id AND (t.rerun OR NOT t.cancel_requested);
    PERFORM pg_notify(_channel('cancels'), task_id::text);
    RETURN 'requested';
  END IF;
  -- A holder that lost its lease runs no more: neither does what was to run after it.
  UPDATE task t SET rerun = false WHERE t.id = task_id AND t.rerun;
  PERFORM _bury(ARRAY[task_id], ARRAY[found_task.lease_token], NULL, ARRAY['cancelled'], NULL);
  RETURN 'cancelled';
END $$;

COMMENT ON FUNCTION cancel IS
  'Cancels a task. Returns cancelled (it waited, and is a dead letter now), requested (a worker holds it and is asked to stop),
  finished (nothing to do) or unknown (there never was such a task).';
