-- What the journal says of a task, live or dead; NULL: it is neither.
CREATE OR REPLACE FUNCTION _task_brief(task_id bigint) RETURNS json
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT json_build_object('state', CASE WHEN t.finished_at IS NOT NULL THEN 'finished' WHEN t.lease_until > clock_timestamp() THEN 'running'
      WHEN t.slot = 0 THEN 'limited' WHEN t.due_at > clock_timestamp() THEN 'waiting' ELSE 'due' END,
    'queue', t.queue, 'type', t.type, 'attempt', t.attempt, 'failures', t.failures, 'dueAt', to_char(t.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
  FROM task t WHERE t.id = task_id
  UNION ALL
  SELECT json_build_object('state', 'dead', 'queue', d.queue, 'type', d.type, 'attempt', d.attempt, 'failures', d.failures,
    'reason', d.reason, 'diedAt', to_char(d.died_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
  FROM dead_task d WHERE d.id = task_id
  LIMIT 1
$$;
