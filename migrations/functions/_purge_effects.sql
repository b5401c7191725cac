-- Deletes settled effects that last changed that long ago and whose task is neither live nor a dead letter. What is not
-- settled, or contradicted, stays until somebody settles it. Returns how many.
CREATE OR REPLACE FUNCTION _purge_effects(older_than interval, max_count int) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM effect WHERE ctid = ANY (ARRAY(
    SELECT e.ctid FROM effect e
    WHERE e.state IN ('open', 'succeeded', 'failed') AND e.changed_at <= clock_timestamp() - least(older_than, interval '1000 years') AND NOT e.contradicted
      AND NOT EXISTS (SELECT FROM task t WHERE t.id = e.task_id AND t.finished_at IS NULL)
      AND NOT EXISTS (SELECT FROM dead_task d WHERE d.id = e.task_id)
    ORDER BY e.changed_at LIMIT max_count FOR UPDATE OF e SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;
