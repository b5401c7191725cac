-- Lines of the journal about a task, latest first, older than a line: those that name it as their target, and those of many that changed it.
CREATE OR REPLACE FUNCTION _actions_about(task_id bigint, before_id bigint, max_count int) RETURNS SETOF action
LANGUAGE sql STABLE
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_bitmapscan = on
AS $$
  SELECT a.* FROM action a
  WHERE a.id = ANY (ARRAY(
      SELECT x.id FROM action x WHERE x.target = 'task/' || task_id
      UNION
      SELECT x.id FROM action x WHERE x.task_ids @> ARRAY[task_id]))
    AND (before_id IS NULL OR a.id < before_id)
  ORDER BY a.id DESC LIMIT max_count
$$;
