-- After a limit changed: the next admission at its rate comes a gap of the new rate after the last one, but not within a pause; tasks with
-- a slot above it that no worker holds go back in line, and lines are looked at.
CREATE OR REPLACE FUNCTION _limit_changed(limit_name text, gap_before interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
  -- All keys of a limit: a slash is followed by 0.
  first_key text COLLATE "C" := limit_name || '/';
  end_key text COLLATE "C" := limit_name || '0';
  line text COLLATE "C" := first_key;
  gap_now interval := (SELECT r.gap FROM limit_rule r WHERE r.name = limit_name);
BEGIN
  IF gap_now <> gap_before THEN
    UPDATE limit_pace p SET next_at = greatest(p.next_at - gap_before + gap_now, p.paused_until) WHERE p.limit_key >= first_key AND p.limit_key < end_key;
  END IF;
  PERFORM _give_back(ARRAY(
    SELECT t.id FROM task t
    WHERE t.limit_key >= first_key AND t.limit_key < end_key AND t.slot > 0 AND t.ready AND t.lease_token IS NULL
      AND t.slot > (SELECT CASE WHEN r.is_paused THEN 0 ELSE coalesce(r.operator_concurrency, r.concurrency) END
        FROM limit_rule r WHERE r.name = limit_name)
    FOR UPDATE SKIP LOCKED));
  -- From one line to the next by index; the first one's key may be empty.
  LOOP
    SELECT t.limit_key INTO line FROM task t
    WHERE t.slot = 0 AND t.limit_key >= line AND t.limit_key < end_key ORDER BY t.limit_key LIMIT 1;
    EXIT WHEN NOT FOUND;
    INSERT INTO limit_look (limit_key, look_at) VALUES (line, clock_timestamp());
    line := line || E'\x01';
  END LOOP;
END $$;
