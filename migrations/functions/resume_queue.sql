CREATE OR REPLACE FUNCTION resume_queue(queue_name text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
BEGIN
  IF queue_name IS NULL THEN
    RAISE EXCEPTION 'TaskQueue: a queue name must not be NULL' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM paused_queue WHERE queue = queue_name;
  IF is_noted THEN
    PERFORM _journal('resume_queue', 'queue/' || queue_name, NULL, json_build_object('paused', FOUND), '{"paused": false}');
  END IF;
  PERFORM _wake(ARRAY[queue_name]);
END $$;

COMMENT ON FUNCTION resume_queue IS 'Ends a pause: tasks of the queue are claimed again, at once.';
