-- Makes due tasks ready, at most max_count, of those due after a time up to which all have been made ready before. They stay known as
-- due: see _claim.
-- next_due_in: in how many seconds the next one is due, NULL if none is within 100 years, 0 if there may be more now. promoted_from:
-- the oldest due time made ready. promoted_until: all that was due then is ready; NULL if there may be more. store_time: the clock.
CREATE OR REPLACE FUNCTION _promote(
  max_count int, due_after timestamptz DEFAULT '-infinity',
  OUT next_due_in float8, OUT promoted_from timestamptz, OUT promoted_until timestamptz, OUT store_time timestamptz
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
  at timestamptz := clock_timestamp();
BEGIN
  store_time := at;
  -- The clock went back.
  IF due_after > at THEN
    due_after := '-infinity';
  END IF;
  WITH promoted AS (
    UPDATE task SET ready = true, lease_until = 'epoch'
    WHERE ctid = ANY (ARRAY(
      SELECT t.ctid FROM task t
      WHERE NOT t.ready AND t.finished_at IS NULL AND t.due_at > due_after AND t.due_at <= at
      ORDER BY t.due_at LIMIT max_count FOR UPDATE SKIP LOCKED))
    RETURNING due_at
  )
  SELECT min(p.due_at), CASE WHEN count(*) < max_count THEN at END INTO promoted_from, promoted_until FROM promoted p;
  IF promoted_until IS NULL THEN
    next_due_in := 0;
  ELSE
    SELECT extract(epoch FROM t.due_at - at)::float8 INTO next_due_in FROM task t
    WHERE NOT t.ready AND t.finished_at IS NULL AND t.due_at > at AND t.due_at < at + interval '100 years'
    ORDER BY t.due_at LIMIT 1;
  END IF;
END $$;
