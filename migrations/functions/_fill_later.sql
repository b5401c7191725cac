-- Slots that a transaction leaves that may stay open for long: given after its commit, by a look, so that what holds then decides (_next_in_line
-- admits by the limit as it is now, and whoever is admitted is seen by pause_limit).
CREATE OR REPLACE FUNCTION _fill_later(free_keys text[], wakes boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
BEGIN
  INSERT INTO limit_look (limit_key, look_at) SELECT DISTINCT k, clock_timestamp() FROM unnest(free_keys) AS k;
  IF wakes THEN
    PERFORM _wake(ARRAY(
      SELECT DISTINCT E'\x01' || f.queue FROM unnest(free_keys) AS k
      CROSS JOIN LATERAL (SELECT t.queue FROM task t WHERE t.limit_key = k AND t.slot = 0 LIMIT 1) AS f));
  END IF;
END $$;
