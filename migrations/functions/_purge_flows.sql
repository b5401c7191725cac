-- Deletes steps of tasks that are neither live nor dead letters, of up to max_count tasks with steps after an id, and expired events.
-- next_id: where the next call goes on; NULL: that was the end. Returns how many rows it deleted.
CREATE OR REPLACE FUNCTION _purge_flows(after_id bigint, max_count int, OUT deleted bigint, OUT next_id bigint)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
  found_ids bigint[];
  gone bigint[];
  events bigint;
BEGIN
  -- From one task to the next by index, however many steps each has.
  WITH RECURSIVE f(id, place) AS (
    SELECT (SELECT s.task_id FROM step s WHERE s.task_id > after_id ORDER BY s.task_id LIMIT 1), 1
    UNION ALL
    SELECT (SELECT s.task_id FROM step s WHERE s.task_id > f.id ORDER BY s.task_id LIMIT 1), f.place + 1
    FROM f WHERE f.id IS NOT NULL AND f.place < max_count
  )
  SELECT array_agg(f.id), CASE WHEN count(f.id) = max_count THEN max(f.id) END INTO found_ids, next_id FROM f WHERE f.id IS NOT NULL;
  gone := ARRAY(
    SELECT f.id FROM unnest(found_ids) AS f(id)
    WHERE NOT EXISTS (SELECT FROM task t WHERE t.id = f.id AND t.finished_at IS NULL)
      AND NOT EXISTS (SELECT FROM dead_task d WHERE d.id = f.id));
  DELETE FROM step WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM step s WHERE s.task_id = ANY (gone) LIMIT 10 * max_count FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  DELETE FROM event_wait w WHERE w.task_id = ANY (gone);
  UPDATE task_group g SET expires_at = clock_timestamp() WHERE g.parent_id = ANY (gone) AND g.expires_at IS NULL;
  DELETE FROM event WHERE ctid = ANY (ARRAY(
    SELECT e.ctid FROM event e WHERE e.expires_at <= clock_timestamp() ORDER BY e.expires_at LIMIT max_count FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS events = ROW_COUNT;
  deleted := deleted + events;
END $$;
