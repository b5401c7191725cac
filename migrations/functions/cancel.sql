CREATE OR REPLACE FUNCTION cancel(task_id bigint) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  found_task record;
BEGIN
  SELECT t.finished_at, t.lease_until, t.cancel_requested INTO found_task FROM task t WHERE t.id = task_id FOR UPDATE;
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
  WITH gone AS (DELETE FROM task t WHERE t.id = task_id RETURNING t.*)
  INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, max_attempts, created_at, deadline,
    unique_key, unique_period, died_at, reason, payload, headers, retry, errors)
  SELECT g.id, g.queue, g.type, g.priority, g.attempt, g.failures, g.crashes, g.max_attempts, g.created_at, g.deadline,
    g.unique_key, g.unique_period, at, 'cancelled', g.payload, g.headers, g.retry, g.errors
  FROM gone g;
  RETURN 'cancelled';
END $$;

COMMENT ON FUNCTION cancel IS
  'Cancels a task. Returns cancelled (it waited, and is a dead letter now), requested (a worker holds it and is asked to stop),
  finished (nothing to do) or unknown (there never was such a task).';
