-- Records an event and, only if it is new, enqueues a task (coalesced with the one of its unique key). Waits for a concurrent
-- transaction that records the same event. task_id NULL: it was received before.
CREATE OR REPLACE FUNCTION _receive_event(
  event_source text, event text, event_subject text, keep interval,
  task_type text, task_payload json, task_queue text, task_priority int, task_delay interval, task_due_at timestamptz,
  task_unique_key text, task_unique_period interval, task_max_attempts int, task_retry json, task_headers json,
  task_deadline timestamptz, wakes boolean, task_limit text DEFAULT NULL,
  OUT task_id bigint, OUT is_new boolean
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO inbox_event (source, event_id, subject, expires_at)
  VALUES (event_source, event, event_subject, clock_timestamp() + least(keep, interval '100 years'))
  ON CONFLICT (source, event_id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT r.task_id, r.is_new INTO task_id, is_new FROM _enqueue_many(
    ARRAY[task_type], ARRAY[task_payload], ARRAY[task_queue], ARRAY[task_priority], ARRAY[task_delay], ARRAY[task_due_at],
    ARRAY[task_unique_key], ARRAY['coalesce'], ARRAY[task_unique_period], ARRAY[task_max_attempts], ARRAY[task_retry],
    ARRAY[task_headers], ARRAY[task_deadline], wakes,
    CASE WHEN task_limit IS NULL THEN '{}' ELSE ARRAY[task_limit] END) AS r;
END $$;
