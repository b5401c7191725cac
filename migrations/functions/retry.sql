-- A running task is neither locked nor waited for.
CREATE OR REPLACE FUNCTION retry(task_id bigint) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  lane text;
  line text;
  answer text;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  before json;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _as_operator('retry', task_id::text);
  END IF;
  IF is_noted THEN
    before := _task_brief(task_id);
  END IF;
  -- Waits for whoever revives or purges it at this moment.
  PERFORM FROM dead_task d WHERE d.id = task_id FOR UPDATE;
  -- One that its limit's rate has admitted for a moment to come keeps that.
  UPDATE task t SET ready = t.limit_key IS NULL OR coalesce(t.slot, 0) > 0 AND (t.ready OR t.is_ordered),
    due_at = CASE WHEN t.slot > 0 AND NOT t.ready AND NOT t.is_ordered THEN t.due_at ELSE least(t.due_at, at) END,
    lease_until = greatest(t.lease_until, 'epoch'), slot = CASE WHEN t.limit_key IS NOT NULL THEN coalesce(t.slot, 0) END
  WHERE t.id = task_id AND t.finished_at IS NULL AND t.lease_until <= at
  RETURNING t.queue, CASE WHEN t.slot = 0 THEN t.limit_key END INTO lane, line;
  IF FOUND THEN
    IF EXISTS (SELECT FROM paused_queue p WHERE p.queue = lane) THEN
      RAISE NOTICE 'TaskQueue: the queue % is paused', quote_literal(lane) USING HINT = 'See resume_queue.';
    END IF;
    IF line IS NOT NULL THEN
      INSERT INTO limit_look (limit_key, look_at) VALUES (line, at);
      lane := E'\x01' || lane;
    END IF;
    PERFORM _wake(ARRAY[lane]);
    answer := 'due';
  ELSE
    SELECT CASE WHEN t.finished_at IS NULL THEN 'running' ELSE 'finished' END INTO answer FROM task t WHERE t.id = task_id;
    IF FOUND THEN
      NULL;
    ELSIF EXISTS (SELECT FROM _redrive(ARRAY[task_id], NULL, NULL, 1, true) AS r WHERE r.is_revived) THEN
      answer := 'redriven';
    ELSIF EXISTS (SELECT FROM dead_task d WHERE d.id = task_id) THEN
      answer := 'key_taken';
    ELSE
      answer := CASE WHEN _was_enqueued(task_id) THEN 'finished' ELSE 'unknown' END;
    END IF;
  END IF;
  IF is_noted AND answer <> 'unknown' THEN
    PERFORM _journal('retry', 'task/' || task_id, NULL, before, json_build_object('result', answer),
      CASE WHEN answer IN ('due', 'redriven') THEN ARRAY[task_id] END);
  END IF;
  RETURN answer;
END $$;

COMMENT ON FUNCTION retry IS
  'Runs a task again as soon as possible. Returns due (it waited, and is due now), redriven (it was a dead letter, and is due now),
  running (a worker holds it: left alone), key_taken (a dead letter whose unique key a live task has: left alone), finished
  (completed) or unknown (there never was such a task).';
