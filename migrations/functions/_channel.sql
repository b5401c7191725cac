-- The NOTIFY channel of this schema for 'tasks' (payload: a queue's name) or 'cancels' (payload: a task's id):
-- "taskqueue:tasks" in the default schema.
CREATE OR REPLACE FUNCTION _channel(kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT CASE WHEN octet_length(current_schema()) <= 48 THEN current_schema()::text ELSE md5(current_schema()) END || ':' || kind
$$;
