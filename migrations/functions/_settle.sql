-- Ends attempts in every way but completion; same fence. A NULL delay keeps the due time (a task handed back unharmed).
CREATE OR REPLACE FUNCTION _settle(
  ids bigint[], tokens bigint[], delays interval[], returns_attempts boolean[], failure_list json[], reasons text[],
  details text[], wakes boolean
) RETURNS SETOF bigint
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
  settled int;
BEGIN
  RETURN QUERY
  UPDATE task t SET
    ready = coalesce(u.delay <= interval '0', true),
    due_at = CASE WHEN u.delay IS NULL THEN t.due_at ELSE at + greatest(u.delay, interval '0') END,
    lease_until = '-infinity', lease_token = NULL,
    attempt = t.attempt - coalesce(u.returns_attempt, false)::int,
    failures = t.failures + (u.failure IS NOT NULL)::int,
    errors = _error_history(t.errors, u.failure)
  FROM unnest(ids, tokens, delays, returns_attempts, failure_list, reasons)
    AS u(id, token, delay, returns_attempt, failure, reason)
  WHERE t.id = u.id AND t.lease_token = u.token AND u.reason IS NULL AND NOT t.rerun AND NOT t.cancel_requested
  RETURNING u.token;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    RETURN QUERY
    SELECT token FROM _bury(ids, tokens, failure_list, reasons, details) AS b(token);
    -- Last: a mark that came while the statements above waited for its row's lock counts too.
    RETURN QUERY SELECT _settle_rerun(ids, tokens, failure_list);
  END IF;
  IF wakes AND (settled < cardinality(ids) OR EXISTS (SELECT FROM unnest(delays, reasons) AS u(delay, reason)
    WHERE u.reason IS NULL AND coalesce(u.delay, interval '0') <= interval '0'))
  THEN
    PERFORM _wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (ids) AND t.ready AND t.lease_token IS NULL));
  END IF;
END $$;
