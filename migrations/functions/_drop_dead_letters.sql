-- Deletes the oldest dead letters, max_count at most, that died that long ago. Those that hold up the line of a limit stay, and those with an effect
-- whose outcome nobody knows, or that is contradicted: they wait for a person. Returns how many.
CREATE OR REPLACE FUNCTION _drop_dead_letters(older_than interval, max_count int) RETURNS bigint
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
  deleted bigint;
BEGIN
  DELETE FROM dead_task WHERE id = ANY (ARRAY(
    SELECT d.id FROM dead_task d
    WHERE d.died_at <= clock_timestamp() - least(older_than, interval '1000 years') AND NOT d.holds
      AND NOT EXISTS (SELECT FROM effect e WHERE e.task_id = d.id AND (e.state IN ('intended', 'unknown', 'parked') OR e.contradicted))
    ORDER BY d.died_at LIMIT max_count FOR UPDATE OF d SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;
