-- Makes dead letters live again under their ids: of those after an id that died by a time, the oldest max_count. Returns all that it
-- looked at, and whether they live again: one whose unique key is taken stays dead, as does one whose id a live task has (a restore without
-- the sequence), and one that another session has locked is passed over. Instants and intervals travel as text to _operate: in a form that
-- is read as it is written.
CREATE OR REPLACE FUNCTION _redrive(
  ids bigint[], task_type text, older_than interval, max_count bigint, wakes boolean, after_id bigint DEFAULT NULL,
  died_by timestamptz DEFAULT NULL, OUT id bigint, OUT is_revived boolean
) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET DateStyle = ISO
SET IntervalStyle = postgres
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  picked bigint[];
  undone bigint[];
  revived bigint[];
  lines text[];
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN QUERY SELECT (r::json ->> 0)::bigint, (r::json ->> 1)::boolean
      FROM _as_operator('_redrive', ids::text, task_type, older_than::text, max_count::text, wakes::text, after_id::text, died_by::text) AS r;
    RETURN;
  END IF;
  died_by := least(coalesce(died_by, greatest(at, (SELECT max(d.died_at) FROM dead_task d))), CASE WHEN older_than IS NOT NULL THEN at - least(older_than, interval '1000 years') END);
  picked := ARRAY(
    SELECT d.id FROM dead_task d
    WHERE (ids IS NULL OR d.id = ANY (ids)) AND (task_type IS NULL OR d.type = task_type) AND d.died_at <= died_by
      AND (after_id IS NULL OR d.id > after_id)
    ORDER BY d.id LIMIT max_count FOR UPDATE SKIP LOCKED);
  DELETE FROM task WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM dead_task d JOIN task t ON t.queue = d.queue AND t.unique_key = d.unique_key
    WHERE d.id = ANY (picked) AND t.finished_at IS NOT NULL AND t.due_at <= at
    FOR UPDATE OF t SKIP LOCKED));
  -- A flow of which all is undone begins anew.
  undone := ARRAY(
    SELECT u.task_id FROM step u WHERE u.task_id = ANY (picked) AND u.name = '~unwind'
      AND NOT EXISTS (
        SELECT FROM step o WHERE o.task_id = u.task_id AND o.kind = 'undo'
          AND NOT EXISTS (SELECT FROM step d WHERE d.task_id = o.task_id AND d.name = '~undo/' || substr(o.name, 5))));
  WITH alive AS (
    -- Without its deadline: somebody wants it run all the same. Waits for a concurrent transaction that inserts the same key: in the
    -- order of the keys, as everywhere.
    INSERT INTO task (id, queue, type, priority, ready, due_at, lease_until, max_attempts, created_at, unique_key, unique_period,
      payload, headers, retry, errors, limit_key, slot, is_ordered, weight, has_steps)
    OVERRIDING SYSTEM VALUE
    SELECT d.id, d.queue, d.type, d.priority, d.limit_key IS NULL, at, 'epoch', d.max_attempts, d.created_at, d.unique_key, d.unique_period,
      d.payload, d.headers, d.retry, d.errors, d.limit_key, CASE WHEN d.limit_key IS NOT NULL THEN 0 END, d.is_ordered, d.weight,
      CASE WHEN d.id <> ALL (undone) AND EXISTS (SELECT FROM step s WHERE s.task_id = d.id) THEN true END
    FROM dead_task d WHERE d.id = ANY (picked) ORDER BY d.queue, d.unique_key, d.id
    ON CONFLICT DO NOTHING
    RETURNING id
  ), gone AS (
    DELETE FROM dead_task d USING alive a WHERE d.id = a.id RETURNING d.id, d.limit_key
  )
  SELECT array_agg(g.id ORDER BY g.id), array_agg(DISTINCT g.limit_key::text) FILTER (WHERE g.limit_key IS NOT NULL)
  INTO revived, lines FROM gone g;
  DELETE FROM step s WHERE s.task_id = ANY (undone) AND s.task_id = ANY (revived);
  UPDATE task_group g SET expires_at = at
  WHERE g.parent_id = ANY (undone) AND g.parent_id = ANY (revived) AND g.expires_at IS NULL;
  IF lines IS NOT NULL THEN
    INSERT INTO limit_look (limit_key, look_at) SELECT l, clock_timestamp() FROM unnest(lines) AS l;
  END IF;
  IF wakes AND revived IS NOT NULL THEN
    PERFORM _wake(ARRAY(SELECT DISTINCT CASE WHEN t.limit_key IS NULL THEN '' ELSE E'\x01' END || t.queue FROM task t WHERE t.id = ANY (revived)));
  END IF;
  RETURN QUERY SELECT p.id, r.id IS NOT NULL FROM unnest(picked) AS p(id) LEFT JOIN unnest(revived) AS r(id) ON r.id = p.id
    ORDER BY p.id;
END $$;
