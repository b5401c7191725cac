-- Ends attempts of flows that wait, in the same way as _settle: same fence, and the same about locked rows, about slots, and about tasks that
-- are to run once more or to be cancelled. waits_list: of each task an array of objects with name, place, and of its end either seconds (from
-- now on) or until (seconds since 1970), or none; and the event's key if it waits for one.
-- The task is due when the first of its waits ends or its deadline passes, to expire then; without either in 100 years. Each event is looked at
-- once more a moment later: it may have come by a transaction that did not see this one, and is not seen by it (_look_at_events).
CREATE OR REPLACE FUNCTION _suspend(
  ids bigint[], tokens bigint[], waits_list json[], wakes boolean, waits boolean DEFAULT false, claims boolean DEFAULT false,
  OUT settled_token bigint, OUT busy_token bigint
) RETURNS SETOF record
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
  offered bigint[] := ids;
  settled int;
  free_keys text[];
  free_slots int[];
BEGIN
  IF waits THEN
    ids := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token FOR UPDATE) AS h ON true);
  ELSE
    ids := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token FOR UPDATE SKIP LOCKED) AS h ON true);
  END IF;
  -- A wait that was there before keeps its end.
  INSERT INTO step (task_id, name, kind, until, place)
  SELECT u.id, w.name, 'wait',
    CASE WHEN w.until IS NOT NULL THEN to_timestamp(least(greatest(w.until, 0), 64092211200))
      WHEN w.seconds IS NOT NULL THEN at + least(greatest(w.seconds, 0), 3155760000) * interval '1 s' END, w.place
  FROM unnest(ids, waits_list) AS u(id, list)
  CROSS JOIN LATERAL json_to_recordset(u.list) AS w(name text, place int, seconds float8, until float8, event text)
  WHERE u.id IS NOT NULL
  ON CONFLICT (task_id, name) DO NOTHING;
  WITH events AS (
    INSERT INTO event_wait (event_key, task_id, step_name)
    SELECT w.event, u.id, w.name
    FROM unnest(ids, waits_list) AS u(id, list)
    CROSS JOIN LATERAL json_to_recordset(u.list) AS w(name text, place int, seconds float8, until float8, event text)
    JOIN step s ON s.task_id = u.id AND s.name = w.name
    WHERE u.id IS NOT NULL AND w.event IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING event_key
  )
  INSERT INTO event_look (event_key, look_at) SELECT DISTINCT e.event_key, at + interval '50 ms' FROM events e;
  IF EXISTS (SELECT FROM limit_rule) THEN
    SELECT array_agg(t.limit_key::text), array_agg(t.slot) INTO free_keys, free_slots
    FROM unnest(ids, tokens) AS u(id, token)
    CROSS JOIN LATERAL (SELECT h.* FROM task h WHERE h.id = u.id AND h.lease_token = u.token OFFSET 0) AS t
    WHERE t.slot > 0 AND NOT t.is_ordered AND NOT t.rerun AND NOT t.cancel_requested;
  END IF;
  RETURN QUERY
  UPDATE task t SET
    ready = false, has_steps = true, lease_until = '-infinity', lease_token = NULL, attempt = 0, failures = 0, crashes = 0,
    -- An event that was recorded meanwhile (another attempt's look) makes it due at once.
    due_at = least(coalesce((
      SELECT min(CASE WHEN s.kind = 'wait' THEN coalesce(s.until, at + interval '100 years') ELSE at END)
      FROM json_to_recordset(u.list) AS w(name text) JOIN step s ON s.task_id = t.id AND s.name = w.name), at), t.deadline),
    slot = CASE WHEN t.is_ordered THEN t.slot END
  FROM unnest(ids, tokens, waits_list) AS u(id, token, list)
  WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND NOT t.rerun AND NOT t.cancel_requested
  RETURNING u.token, NULL::bigint;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    UPDATE task t SET has_steps = true FROM unnest(ids, tokens) AS u(id, token)
    WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND t.has_steps IS NULL;
    RETURN QUERY SELECT b.token, NULL::bigint FROM _bury(ids, tokens, NULL, NULL, NULL) AS b(token);
    RETURN QUERY SELECT r.token, NULL::bigint FROM _settle_rerun(ids, tokens, NULL) AS r(token);
    -- A token that is still there belongs to a row that was passed over.
    RETURN QUERY
    SELECT NULL::bigint, u.token FROM unnest(offered, tokens) AS u(id, token)
    JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token;
  END IF;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill(free_keys, free_slots, claims, waits);
  END IF;
  IF wakes AND settled < cardinality(ids) THEN
    PERFORM _wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (ids) AND t.ready AND t.lease_token IS NULL));
  END IF;
END $$;
