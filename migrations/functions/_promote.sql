-- Makes due tasks ready, at most max_count, of those due after a time up to which all have been made ready before. They stay known as
-- due: see _claim.
-- next_due_in: in how many seconds the next one is due, NULL if none is within 100 years, 0 if there may be more now. promoted_from:
-- the oldest due time made ready. promoted_until: all that was due then is ready; NULL if there may be more. store_time: the clock.
-- A limited task without a slot, or whose limit is paused, goes in line instead, and lines are looked at: the slots that are found free there
-- are given by the claim that is to follow in this transaction. Events that have come are handed to those who wait for them.
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
  lines text[];
  look record;
  next_look timestamptz;
  look_count int;
  event_look_at timestamptz;
  event_looks int := 0;
BEGIN
  store_time := at;
  -- The clock went back.
  IF due_after > at THEN
    due_after := '-infinity';
  END IF;
  -- First: whose event has come is due.
  SELECT l.look_at INTO event_look_at FROM event_look l WHERE l.look_at > due_after ORDER BY l.look_at LIMIT 1;
  IF event_look_at <= at THEN
    event_looks := _look_at_events(max_count, due_after, at);
    SELECT l.look_at INTO event_look_at FROM event_look l WHERE l.look_at > at ORDER BY l.look_at LIMIT 1;
  END IF;
  WITH promoted AS (
    UPDATE task SET ready = limit_key IS NULL OR slot IS NOT NULL AND NOT _closed_line(limit_key), lease_until = 'epoch',
      slot = CASE WHEN limit_key IS NULL THEN NULL WHEN slot IS NOT NULL AND NOT _closed_line(limit_key) THEN slot ELSE 0 END
    WHERE ctid = ANY (ARRAY(
      SELECT t.ctid FROM task t
      WHERE NOT t.ready AND t.finished_at IS NULL AND t.slot IS DISTINCT FROM 0 AND t.due_at > due_after AND t.due_at <= at
      ORDER BY t.due_at LIMIT max_count FOR UPDATE SKIP LOCKED))
    RETURNING due_at, CASE WHEN slot = 0 THEN limit_key::text END AS line
  )
  SELECT min(p.due_at), CASE WHEN count(*) < max_count THEN at END, array_agg(DISTINCT p.line) FILTER (WHERE p.line IS NOT NULL)
  INTO promoted_from, promoted_until, lines FROM promoted p;
  IF lines IS NOT NULL THEN
    INSERT INTO limit_look (limit_key, look_at) SELECT l, at FROM unnest(lines) AS l;
  END IF;
  SELECT l.look_at INTO next_look FROM limit_look l WHERE l.look_at > due_after ORDER BY l.look_at LIMIT 1;
  IF next_look <= at THEN
    -- Keys with a rate are more work, and a look is to end long before its call's limit.
    look_count := CASE WHEN EXISTS (SELECT FROM limit_rule r WHERE r.gap IS NOT NULL) THEN least(max_count, 200) ELSE max_count END;
    SELECT * INTO look FROM _look(look_count, due_after, at);
    promoted_from := least(promoted_from, look.admitted_from);
    IF look.looked >= look_count OR EXISTS (
      SELECT FROM limit_look l
      WHERE l.look_at > due_after AND l.look_at <= at AND l.xmin = pg_current_xact_id_if_assigned()::xid)
    THEN
      promoted_until := NULL;
    END IF;
    SELECT l.look_at INTO next_look FROM limit_look l WHERE l.look_at > at ORDER BY l.look_at LIMIT 1;
  END IF;
  IF event_looks >= max_count THEN
    promoted_until := NULL;
  END IF;
  IF promoted_until IS NULL THEN
    next_due_in := 0;
  ELSE
    SELECT extract(epoch FROM t.due_at - at)::float8 INTO next_due_in FROM task t
    WHERE NOT t.ready AND t.finished_at IS NULL AND t.slot IS DISTINCT FROM 0 AND t.due_at > at
      AND t.due_at < at + interval '100 years'
    ORDER BY t.due_at LIMIT 1;
    next_due_in := least(next_due_in, extract(epoch FROM least(next_look, event_look_at) - at)::float8);
  END IF;
END $$;
