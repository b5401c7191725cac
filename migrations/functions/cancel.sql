CREATE OR REPLACE FUNCTION cancel(task_id bigint) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  found_task record;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  before json;
  answer text;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _as_operator('cancel', task_id::text);
  END IF;
  IF is_noted THEN
    before := _task_brief(task_id);
  END IF;
  SELECT t.finished_at, t.lease_until, t.lease_token,
    t.has_steps AND EXISTS (SELECT FROM step s WHERE s.task_id = t.id AND s.name = '~unwind') AS is_unwinding
  INTO found_task FROM task t WHERE t.id = task_id FOR UPDATE;
  IF NOT FOUND THEN
    answer := CASE WHEN _was_enqueued(task_id) THEN 'finished' ELSE 'unknown' END;
  ELSIF found_task.finished_at IS NOT NULL THEN
    answer := 'finished';
  ELSIF found_task.is_unwinding THEN
    -- It ends as a dead letter once what it did is undone.
    answer := 'requested';
  ELSIF found_task.lease_until > at THEN
    -- What was asked for before the cancellation is cancelled with it.
    UPDATE task t SET cancel_requested = true, rerun = false
    WHERE t.id = task_id AND (t.rerun OR NOT t.cancel_requested);
    PERFORM pg_notify(_channel('cancels'), task_id::text);
    answer := 'requested';
  ELSE
    -- A holder that lost its lease runs no more: neither does what was to run after it.
    UPDATE task t SET rerun = false WHERE t.id = task_id AND t.rerun;
    PERFORM _bury(ARRAY[task_id], ARRAY[found_task.lease_token], NULL, ARRAY['cancelled'], NULL);
    answer := CASE WHEN EXISTS (SELECT FROM task t WHERE t.id = task_id) THEN 'requested' ELSE 'cancelled' END;
  END IF;
  IF is_noted AND answer <> 'unknown' THEN
    PERFORM _journal('cancel', 'task/' || task_id, NULL, before, json_build_object('result', answer),
      CASE WHEN answer <> 'finished' THEN ARRAY[task_id] END);
  END IF;
  RETURN answer;
END $$;

COMMENT ON FUNCTION cancel IS
  'Cancels a task. Returns cancelled (it waited, and is a dead letter now), requested (a worker holds it and is asked to
  stop, or a flow is first to undo what it did),
  finished (nothing to do) or unknown (there never was such a task).';
