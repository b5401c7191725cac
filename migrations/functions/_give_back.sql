-- Tasks that wait for their next attempt and may not keep their slots go back in line: those above their limit, which was lowered or paused,
-- of a line that is paused, or, given with a delay, of a limit with a rate: another attempt is charged again.
CREATE OR REPLACE FUNCTION _give_back(ids bigint[], delays interval[] DEFAULT '{}') RETURNS void
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
    FROM unnest(ids, delays) AS u(id, delay), limit_rule r
    WHERE t.id = u.id AND t.slot > 0
      AND (t.slot > coalesce(r.operator_concurrency, r.concurrency) OR u.delay IS NOT NULL AND r.gap IS NOT NULL OR _closed_line(t.limit_key))
      AND r.name = split_part(t.limit_key, '/', 1) AND t.ready AND t.lease_token IS NULL
    RETURNING t.limit_key
  )
  INSERT INTO limit_look (limit_key, look_at) SELECT DISTINCT b.limit_key, clock_timestamp() FROM back b
$$;
