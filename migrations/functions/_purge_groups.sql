-- Upkeep of groups. Members that are gone although nothing was noted of their end (a row deleted by hand, a worker of an older version) have
-- ended, too: looked for in up to 10 unfinished groups that were not checked for 5 minutes. And deletes groups that expired, with at most
-- 10 * max_count ends. Returns how many rows it deleted.
CREATE OR REPLACE FUNCTION _purge_groups(max_count int) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  g record;
  expired bigint[];
  deleted bigint;
  emptied bigint;
BEGIN
  FOR g IN
    SELECT x.* FROM task_group x WHERE x.finished_at IS NULL AND x.checked_at < at - interval '5 min'
    ORDER BY x.checked_at LIMIT 10 FOR NO KEY UPDATE SKIP LOCKED
  LOOP
    -- One statement, one snapshot: a member has a row in one of the two.
    INSERT INTO group_end (group_id, member, outcome)
    SELECT g.id, m, 'gone' FROM generate_series(1, g.total) AS m
    WHERE (SELECT count(*) FROM task t WHERE t.group_id = g.id AND t.member > 0) + (SELECT count(*) FROM group_end e WHERE e.group_id = g.id) < g.total
      AND NOT EXISTS (SELECT FROM task t WHERE t.group_id = g.id AND t.member = m)
      AND NOT EXISTS (SELECT FROM group_end e WHERE e.group_id = g.id AND e.member = m)
    ON CONFLICT DO NOTHING;
    -- Also what was committed without a look, such as by a restore.
    INSERT INTO event_look (event_key, look_at)
    SELECT '~group/' || g.id, at WHERE EXISTS (SELECT FROM group_end e WHERE e.group_id = g.id AND e.place IS NULL);
    UPDATE task_group x SET checked_at = at WHERE x.id = g.id;
  END LOOP;
  expired := ARRAY(
    SELECT x.id FROM task_group x WHERE x.finished_at IS NOT NULL AND x.expires_at <= at
    ORDER BY x.expires_at LIMIT max_count FOR UPDATE SKIP LOCKED);
  DELETE FROM group_end WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM group_end e WHERE e.group_id = ANY (expired) LIMIT 10 * max_count));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  DELETE FROM task_group x WHERE x.id = ANY (expired) AND NOT EXISTS (SELECT FROM group_end e WHERE e.group_id = x.id);
  GET DIAGNOSTICS emptied = ROW_COUNT;
  RETURN deleted + emptied;
END $$;
