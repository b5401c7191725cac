-- After a limit changed: what a key has saved up of its burst stays as many admissions, and what it still has to wait for the next one
-- becomes as much of the new gap; after a stamp to come the next one comes a gap of the new rate. Nothing shortens or lengthens a pause.
-- Tasks with a slot above it that no worker holds go back in line, and lines are looked at.
-- before: the rule as it was, locked FOR UPDATE: a key's first charge, whose row is not seen here yet, locks it, too.
CREATE OR REPLACE FUNCTION _limit_changed(limit_name text, before limit_rule DEFAULT NULL) RETURNS void
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
  at timestamptz := clock_timestamp();
  gap_now interval := (SELECT r.gap FROM limit_rule r WHERE r.name = limit_name);
  earliest timestamptz := at - before.gap * (coalesce(before.operator_burst, before.burst) - 1);
BEGIN
  IF gap_now <> before.gap THEN
    UPDATE limit_pace p SET next_at = greatest(p.paused_until, CASE
        WHEN p.next_at > at + before.gap THEN p.next_at - before.gap + gap_now
        ELSE at + (greatest(p.next_at, earliest) - at) * (extract(epoch FROM gap_now) / extract(epoch FROM before.gap))::float8
      END)
    WHERE p.limit_key >= first_key AND p.limit_key < end_key AND (p.paused_until < at OR p.next_at > p.paused_until) IS NOT FALSE;
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
