-- Completes tasks if the token still holds them, whether or not the lease is over. Returns the tokens (not ids: one call may bring a
-- stale and a fresh claim of one task) that it was applied to, and apart from them those whose rows another session has locked:
-- nothing was changed there, and they are to be offered again. With waits it waits for such rows instead.
CREATE OR REPLACE FUNCTION _settle_complete(
  ids bigint[], tokens bigint[], waits boolean DEFAULT false, OUT settled_token bigint, OUT busy_token bigint
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
DECLARE
  at timestamptz := clock_timestamp();
  locked tid[];
  rest_ids bigint[];
  rest_tokens bigint[];
  settled int;
  settled_late int;
BEGIN
  -- At once what nobody has locked since it was claimed: xmax is empty, or names the claim. Locking first would write a record per task.
  RETURN QUERY
  DELETE FROM task t USING unnest(ids, tokens) AS u(id, token)
  WHERE t.id = u.id AND t.lease_token = u.token AND (waits OR t.xmax IN ('0', t.xmin)) AND NOT t.rerun AND t.unique_period IS NULL
  RETURNING t.lease_token, NULL::bigint;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled = cardinality(ids) THEN
    RETURN;
  END IF;
  IF waits THEN
    locked := ARRAY(
      SELECT t.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token
      FOR UPDATE OF t);
  ELSE
    locked := ARRAY(
      SELECT t.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token
      FOR UPDATE OF t SKIP LOCKED);
  END IF;
  -- Tid Scans of rows that are locked above: a mark to run once more, set by who had them locked before, is seen.
  RETURN QUERY
  DELETE FROM task t WHERE t.ctid = ANY (locked) AND NOT t.rerun AND t.unique_period IS NULL
  RETURNING t.lease_token, NULL::bigint;
  GET DIAGNOSTICS settled_late = ROW_COUNT;
  IF settled + settled_late = cardinality(ids) THEN
    RETURN;
  END IF;
  SELECT array_agg(t.id), array_agg(t.lease_token) INTO rest_ids, rest_tokens FROM task t WHERE t.ctid = ANY (locked);
  RETURN QUERY
  UPDATE task t SET ready = false, due_at = at + t.unique_period, finished_at = at, lease_until = '-infinity',
    lease_token = NULL, crashes = 0, cancel_requested = false, payload = '{}', headers = NULL, errors = NULL
  FROM unnest(rest_ids, rest_tokens) AS u(id, token)
  WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NOT NULL
  RETURNING u.token, NULL::bigint;
  RETURN QUERY SELECT r.token, NULL::bigint FROM _settle_rerun(rest_ids, rest_tokens, '{}') AS r(token);
  -- A token that is still there belongs to a row that was passed over.
  RETURN QUERY
  SELECT NULL::bigint, u.token FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token;
END $$;
