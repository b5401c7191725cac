-- Makes dead letters live again under their ids, oldest first. One whose unique key is taken stays dead.
CREATE OR REPLACE FUNCTION _redrive(ids bigint[], task_type text, older_than interval, max_count int, wakes boolean)
RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  picked bigint[];
  revived bigint[];
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN QUERY SELECT r::bigint
      FROM _operate('_redrive', ids::text, task_type, older_than::text, max_count::text, wakes::text) AS r;
    RETURN;
  END IF;
  picked := ARRAY(
    SELECT d.id FROM dead_task d
    WHERE (ids IS NULL OR d.id = ANY (ids)) AND (task_type IS NULL OR d.type = task_type)
      AND (older_than IS NULL OR d.died_at <= at - older_than)
      AND NOT EXISTS (
        SELECT FROM task t WHERE t.queue = d.queue AND t.unique_key = d.unique_key
          AND NOT (t.finished_at IS NOT NULL AND t.due_at <= at))
    ORDER BY d.id LIMIT max_count FOR UPDATE SKIP LOCKED);
  DELETE FROM task t USING dead_task d
  WHERE d.id = ANY (picked) AND t.queue = d.queue AND t.unique_key = d.unique_key AND t.finished_at IS NOT NULL
    AND t.due_at <= at;
  WITH alive AS (
    -- Without its deadline: somebody wants it run all the same.
    INSERT INTO task (id, queue, type, priority, due_at, lease_until, max_attempts, created_at, unique_key, unique_period,
      payload, headers, retry, errors)
    OVERRIDING SYSTEM VALUE
    SELECT d.id, d.queue, d.type, d.priority, at, 'epoch', d.max_attempts, d.created_at, d.unique_key, d.unique_period,
      d.payload, d.headers, d.retry, d.errors
    FROM dead_task d WHERE d.id = ANY (picked) ORDER BY d.id
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id, queue
  ), gone AS (
    DELETE FROM dead_task d USING alive a WHERE d.id = a.id RETURNING d.id
  )
  SELECT array_agg(id ORDER BY id) INTO revived FROM gone;
  IF wakes AND revived IS NOT NULL THEN
    PERFORM _wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (revived)));
  END IF;
  RETURN QUERY SELECT unnest(revived);
END $$;
