-- Completes tasks if the token still holds them, whether or not the lease is over. Returns the tokens it
-- was applied to (not ids: one call may bring a stale and a fresh claim of one task).
CREATE OR REPLACE FUNCTION _settle_complete(ids bigint[], tokens bigint[]) RETURNS SETOF bigint
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
  settled int;
BEGIN
  RETURN QUERY
  DELETE FROM task t USING unnest(ids, tokens) AS u(id, token)
  WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NULL
  RETURNING u.token;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    RETURN QUERY
    UPDATE task t SET ready = false, due_at = at + t.unique_period, finished_at = at, lease_until = '-infinity',
      lease_token = NULL, cancel_requested = false, payload = '{}', headers = NULL, errors = NULL
    FROM unnest(ids, tokens) AS u(id, token)
    WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NOT NULL
    RETURNING u.token;
    RETURN QUERY SELECT _settle_rerun(ids, tokens, '{}');
  END IF;
END $$;
