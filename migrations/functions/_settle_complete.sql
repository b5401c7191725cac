-- Completes tasks if the token still holds them, whether or not the lease is over. Returns the tokens (not ids: one call may bring a
-- stale and a fresh claim of one task) that it was applied to, and apart from them those whose rows another session keeps locked
-- for longer than a moment: nothing was changed there, and they are to be offered again. With waits it waits for such rows instead.
-- Slots go to the next in line; with waits, in a transaction of the app's, after its commit.
CREATE OR REPLACE FUNCTION _settle_complete(
  ids bigint[], tokens bigint[], waits boolean DEFAULT false, claims boolean DEFAULT false, OUT settled_token bigint, OUT busy_token bigint
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
  -- Whoever is older than it has ended. The age of a lock of several sessions means nothing: if it passes for one, it is waited for.
  oldest_running int := age(pg_snapshot_xmin(pg_current_snapshot())::xid);
  patience text := current_setting('lock_timeout');
  locked tid[];
  rest_ids bigint[];
  rest_tokens bigint[];
  settled int;
  settled_late int;
  done_tokens bigint[];
  free_keys text[];
  free_slots int[];
BEGIN
  -- At once what nobody has locked: xmax is empty, names the claim, or one who is gone. Locking first would write a record per task.
  IF EXISTS (SELECT FROM limit_rule) THEN
    WITH gone AS (
      DELETE FROM task t USING unnest(ids, tokens) AS u(id, token)
      WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NULL
        AND (waits OR t.xmax IN ('0', t.xmin) OR age(t.xmax) BETWEEN oldest_running + 1 AND age(t.xmin) + 100)
      RETURNING t.lease_token, t.limit_key, t.slot
    )
    SELECT array_agg(g.lease_token), array_agg(g.limit_key::text) FILTER (WHERE g.slot > 0),
      array_agg(g.slot) FILTER (WHERE g.slot > 0)
    INTO done_tokens, free_keys, free_slots FROM gone g;
    IF free_keys IS NOT NULL THEN
      PERFORM _fill(free_keys, free_slots, claims, waits);
    END IF;
    RETURN QUERY SELECT u.token, NULL::bigint FROM unnest(done_tokens) AS u(token);
  ELSE
    RETURN QUERY
    DELETE FROM task t USING unnest(ids, tokens) AS u(id, token)
    WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NULL
      AND (waits OR t.xmax IN ('0', t.xmin) OR age(t.xmax) BETWEEN oldest_running + 1 AND age(t.xmin) + 100)
    RETURNING t.lease_token, NULL::bigint;
  END IF;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled = cardinality(ids) THEN
    RETURN;
  END IF;
  -- A claim that meets rows which another has just claimed keeps them locked until it ends: sooner than they would be offered again.
  BEGIN
    IF NOT waits THEN
      PERFORM set_config('lock_timeout', '20ms', true);
    END IF;
    locked := ARRAY(
      SELECT t.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
      FOR UPDATE OF t);
    PERFORM set_config('lock_timeout', patience, true);
  EXCEPTION WHEN lock_not_available THEN
    IF waits THEN
      RAISE;
    END IF;
    locked := ARRAY(
      SELECT t.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
      FOR UPDATE OF t SKIP LOCKED);
  END;
  -- Tid Scans of rows that are locked above: a mark to run once more, set by who had them locked before, is seen.
  SELECT array_agg(t.limit_key::text), array_agg(t.slot) INTO free_keys, free_slots
  -- The offset keeps the other conditions out, which all slots would be read for.
  FROM (SELECT h.* FROM task h WHERE h.ctid = ANY (locked) OFFSET 0) AS t WHERE NOT t.rerun AND t.slot > 0;
  RETURN QUERY
  DELETE FROM task t WHERE t.ctid = ANY (locked) AND NOT t.rerun AND t.unique_period IS NULL
  RETURNING t.lease_token, NULL::bigint;
  GET DIAGNOSTICS settled_late = ROW_COUNT;
  IF settled + settled_late < cardinality(ids) THEN
    SELECT array_agg(t.id), array_agg(t.lease_token) INTO rest_ids, rest_tokens FROM task t WHERE t.ctid = ANY (locked);
    RETURN QUERY
    UPDATE task t SET ready = false, due_at = at + t.unique_period, finished_at = at, lease_until = '-infinity',
      lease_token = NULL, crashes = 0, cancel_requested = false, payload = '{}', headers = NULL, errors = NULL, limit_key = NULL,
      slot = NULL, is_ordered = NULL
    FROM unnest(rest_ids, rest_tokens) AS u(id, token)
    WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NOT NULL
    RETURNING u.token, NULL::bigint;
    RETURN QUERY SELECT r.token, NULL::bigint FROM _settle_rerun(rest_ids, rest_tokens, '{}') AS r(token);
    -- A token that is still there belongs to a row that was passed over.
    RETURN QUERY
    SELECT NULL::bigint, u.token FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token;
  END IF;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill(free_keys, free_slots, claims, waits);
  END IF;
END $$;
