CREATE OR REPLACE FUNCTION resume_queue(queue_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  DELETE FROM paused_queue WHERE queue = queue_name;
  SELECT _wake(ARRAY[queue_name])
$$;

COMMENT ON FUNCTION resume_queue IS 'Ends a pause: tasks of the queue are claimed again, at once.';
