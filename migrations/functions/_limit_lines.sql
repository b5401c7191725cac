-- How the keys of a limit stand, in the order of their bytes after a key: those with a task that has a slot or waits for one, and those that are paused for
-- a time. From one key to the next by index.
CREATE OR REPLACE FUNCTION _limit_lines(
  limit_name text, after_key text, max_count int, max_look int,
  OUT line text, OUT taken int, OUT waiting int, OUT paused_until timestamptz, OUT held_by bigint
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  -- All keys of a limit: a slash is followed by 0.
  place text COLLATE "C" := limit_name || '/' || coalesce(after_key || chr(1), '');
  end_key text COLLATE "C" := limit_name || '0';
  most int := least(1000, greatest(20, max_look / greatest(1, max_count)));
BEGIN
  FOR n IN 1..max_count LOOP
    line := least(
      (SELECT t.limit_key::text FROM task t WHERE t.slot > 0 AND t.limit_key >= place AND t.limit_key < end_key ORDER BY t.limit_key LIMIT 1) COLLATE "C",
      (SELECT t.limit_key::text FROM task t WHERE t.slot = 0 AND t.limit_key >= place AND t.limit_key < end_key ORDER BY t.limit_key LIMIT 1) COLLATE "C",
      (SELECT p.limit_key::text FROM limit_pace p WHERE p.limit_key >= place AND p.limit_key < end_key AND p.paused_until > at
        ORDER BY p.limit_key LIMIT 1) COLLATE "C");
    EXIT WHEN line IS NULL;
    SELECT count(*) INTO taken FROM (SELECT FROM task t WHERE t.limit_key = line AND t.slot > 0 LIMIT most + 1) AS x;
    SELECT count(*) INTO waiting FROM (SELECT FROM task t WHERE t.limit_key = line AND t.slot = 0 LIMIT most + 1) AS x;
    paused_until := (SELECT p.paused_until FROM limit_pace p WHERE p.limit_key = line AND p.paused_until > at);
    held_by := (SELECT d.id FROM dead_task d WHERE d.limit_key = line AND d.holds LIMIT 1);
    RETURN NEXT;
    place := line || chr(1);
  END LOOP;
END $$;
