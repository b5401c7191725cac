-- Tasks that wait for their next attempt with a slot above their limit, which was lowered or paused, go back in line.
CREATE OR REPLACE FUNCTION _give_back(ids bigint[]) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
  WITH back AS (
    UPDATE task t SET ready = false, slot = 0
    FROM unnest(ids) AS u(id), limit_rule r
    WHERE t.id = u.id AND t.slot > CASE WHEN r.is_paused THEN 0 ELSE coalesce(r.operator_concurrency, r.concurrency) END
      AND r.name = split_part(t.limit_key, '/', 1) AND t.ready AND t.lease_token IS NULL
    RETURNING t.limit_key
  )
  INSERT INTO limit_look (limit_key, look_at) SELECT DISTINCT b.limit_key, clock_timestamp() FROM back b
$$;
