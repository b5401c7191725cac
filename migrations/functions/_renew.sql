-- Extends leases; returns the tokens that still hold. A row locked by somebody is left alone but counts as held (busy): it is being
-- settled, perhaps in a handler's long transaction, and nobody can claim it meanwhile. Waiting for it would let the other
-- leases run out.
CREATE OR REPLACE FUNCTION _renew(
  ids bigint[], tokens bigint[], lease interval, OUT held_token bigint, OUT cancels boolean, OUT busy boolean
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
  renewed tid[];
BEGIN
  IF lease IS NULL OR lease <= interval '0' OR lease > interval '100 years' THEN
    RAISE EXCEPTION 'TaskQueue: a lease must be above zero and at most 100 years' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  WITH u AS (
    UPDATE task t SET lease_until = clock_timestamp() + lease
    WHERE t.ctid = ANY (ARRAY(
      SELECT h.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task h ON h.id BETWEEN u.id AND u.id AND h.lease_token = u.token
      FOR UPDATE OF h SKIP LOCKED))
    RETURNING t.ctid
  )
  SELECT array_agg(u.ctid) INTO renewed FROM u;
  RETURN QUERY
  SELECT u.token, t.cancel_requested, t.ctid = ANY (renewed) IS NOT TRUE FROM unnest(ids, tokens) AS u(id, token)
  JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token;
END $$;
