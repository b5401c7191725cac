-- Makes a group of tasks that this transaction has stored, in the order of the array: their ends are counted, and of at_most at a time. Those
-- that have to wait for their turn, and the callback, which waits for all of them, are not due until _count_ends says so. Returns its id.
CREATE OR REPLACE FUNCTION _make_group(ids bigint[], most int, parent bigint, callback bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  total int := cardinality(ids);
  first int := least(total, most);
  made bigint;
  updated int;
BEGIN
  INSERT INTO task_group (parent_id, callback_id, total, at_most, released, finished_at, expires_at)
  VALUES (parent, callback, total, most, first, CASE WHEN total = 0 THEN at END, CASE WHEN total = 0 THEN at + interval '7 days' END)
  RETURNING id INTO made;
  UPDATE task t SET group_id = made, member = u.member, has_steps = true,
    ready = t.ready AND u.member <= first,
    due_at = CASE WHEN u.member <= first THEN t.due_at ELSE at + interval '100 years' END,
    slot = CASE WHEN u.member <= first THEN t.slot END
  FROM unnest(ids) WITH ORDINALITY AS u(id, member)
  WHERE t.id BETWEEN u.id AND u.id AND t.group_id IS NULL AND t.unique_key IS NULL AND t.lease_token IS NULL;
  GET DIAGNOSTICS updated = ROW_COUNT;
  IF updated < total THEN
    RAISE EXCEPTION 'TaskQueue: a group is made of new tasks without unique keys' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF callback IS NOT NULL THEN
    UPDATE task t SET group_id = made, member = 0, ready = t.ready AND total = 0, slot = CASE WHEN total = 0 THEN t.slot END,
      due_at = CASE WHEN total = 0 THEN t.due_at ELSE at + interval '100 years' END,
      headers = (coalesce(t.headers::jsonb, '{}') || jsonb_build_object('taskqueue-group', made::text))::json
    WHERE t.id = callback AND t.group_id IS NULL AND t.unique_key IS NULL AND t.lease_token IS NULL;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'TaskQueue: the callback of a group is a new task without a unique key' USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END IF;
  RETURN made;
END $$;
