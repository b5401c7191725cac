-- Starts tasks afresh that were marked to run once more. A slot is kept, but where the limit has a rate.
CREATE OR REPLACE FUNCTION _settle_rerun(ids bigint[], tokens bigint[], failure_list json[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
  RETURN QUERY
  UPDATE task t SET ready = true, due_at = clock_timestamp(), lease_until = 'epoch', lease_token = NULL, attempt = 0,
    failures = 0, crashes = 0, rerun = false, cancel_requested = false, errors = _error_history(t.errors, u.failure)
  FROM unnest(ids, tokens, failure_list) AS u(id, token, failure)
  WHERE t.id BETWEEN u.id AND u.id AND t.lease_token = u.token AND t.rerun
  RETURNING u.token;
  IF FOUND AND EXISTS (SELECT FROM limit_rule) THEN
    PERFORM _give_back(ids, array_fill(interval '0', ARRAY[cardinality(ids)]));
  END IF;
END $$;
