CREATE OR REPLACE FUNCTION pause_queue(queue_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  INSERT INTO paused_queue (queue) VALUES (queue_name) ON CONFLICT DO NOTHING
$$;

COMMENT ON FUNCTION pause_queue IS
  'Stops all workers from claiming tasks of a queue; those under way go on. Any name will do, also of a queue without tasks.';
