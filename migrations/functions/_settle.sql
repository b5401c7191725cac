-- Ends attempts in every way but completion; same fence, and the same about locked rows. A NULL delay keeps the due time (a task
-- handed back unharmed). What was ready stays known as due: a clock that goes back does not delay it. A limited task that waits gives its
-- slot back, an ordered one keeps it.
CREATE OR REPLACE FUNCTION _settle(
  ids bigint[], tokens bigint[], delays interval[], returns_attempts boolean[], failure_list json[], reasons text[],
  details text[], wakes boolean, waits boolean DEFAULT false, claims boolean DEFAULT false, OUT settled_token bigint, OUT busy_token bigint
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
  is_limited boolean := EXISTS (SELECT FROM limit_rule);
BEGIN
  -- NULL for what is not held, or is locked. In the order of the arrays: nothing between unnest and here may reorder them.
  IF waits THEN
    ids := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token FOR UPDATE) AS h ON true);
  ELSE
    ids := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token FOR UPDATE SKIP LOCKED) AS h ON true);
  END IF;
  IF is_limited THEN
    SELECT array_agg(t.limit_key::text), array_agg(t.slot) INTO free_keys, free_slots
    FROM unnest(ids, tokens, delays, reasons) AS u(id, token, delay, reason)
    -- The offset keeps the other conditions out, which all slots would be read for.
    CROSS JOIN LATERAL (SELECT h.* FROM task h WHERE h.id = u.id AND h.lease_token = u.token OFFSET 0) AS t
    WHERE t.slot > 0 AND u.delay > interval '0' AND NOT t.is_ordered AND u.reason IS NULL AND NOT t.rerun AND NOT t.cancel_requested;
  END IF;
  RETURN QUERY
  UPDATE task t SET
    ready = coalesce(u.delay <= interval '0', true),
    due_at = CASE WHEN u.delay IS NULL THEN t.due_at ELSE at + least(greatest(u.delay, interval '0'), interval '100 years') END,
    lease_until = CASE WHEN u.delay > interval '0' THEN '-infinity' ELSE 'epoch' END::timestamptz, lease_token = NULL,
    attempt = CASE WHEN u.returns_attempt THEN greatest(t.attempt, 1) - 1 ELSE t.attempt END,
    failures = CASE WHEN u.failure IS NULL THEN t.failures ELSE least(t.failures, 2147483646) + 1 END,
    crashes = 0,
    slot = CASE WHEN u.delay > interval '0' AND NOT t.is_ordered THEN NULL ELSE t.slot END,
    errors = _error_history(t.errors, u.failure)
  FROM unnest(ids, tokens, delays, returns_attempts, failure_list, reasons)
    AS u(id, token, delay, returns_attempt, failure, reason)
  WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND u.reason IS NULL AND NOT t.rerun AND NOT t.cancel_requested
  RETURNING u.token, NULL::bigint;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    RETURN QUERY SELECT b.token, NULL::bigint FROM _bury(ids, tokens, failure_list, reasons, details) AS b(token);
    RETURN QUERY SELECT r.token, NULL::bigint FROM _settle_rerun(ids, tokens, failure_list) AS r(token);
    -- A token that is still there belongs to a row that was passed over.
    RETURN QUERY
    SELECT NULL::bigint, u.token FROM unnest(offered, tokens) AS u(id, token)
    JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token;
  END IF;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill(free_keys, free_slots, claims, waits);
  END IF;
  IF is_limited THEN
    PERFORM _give_back(ids, delays);
  END IF;
  IF wakes AND (settled < cardinality(ids) OR EXISTS (SELECT FROM unnest(delays, reasons) AS u(delay, reason)
    WHERE u.reason IS NULL AND coalesce(u.delay, interval '0') <= interval '0'))
  THEN
    PERFORM _wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (ids) AND t.ready AND t.lease_token IS NULL));
  END IF;
END $$;
