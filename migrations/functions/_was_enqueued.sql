-- Whether there ever was a task with this id, also if nothing is left of it.
CREATE OR REPLACE FUNCTION _was_enqueued(task_id bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT task_id >= 1 AND is_called AND task_id <= last_value FROM task_id_seq
$$;
