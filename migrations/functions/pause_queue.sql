CREATE OR REPLACE FUNCTION pause_queue(queue_name text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
BEGIN
  IF queue_name IS NULL OR octet_length(queue_name) NOT BETWEEN 1 AND 128 OR queue_name ~ E'[\\x01-\\x1f\\x7f]' THEN
    RAISE EXCEPTION 'TaskQueue: a queue name must have 1 to 128 bytes and no control characters'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO paused_queue (queue) VALUES (queue_name) ON CONFLICT DO NOTHING;
  IF is_noted THEN
    PERFORM _journal('pause_queue', 'queue/' || queue_name, NULL, json_build_object('paused', NOT FOUND), '{"paused": true}');
  END IF;
END $$;

COMMENT ON FUNCTION pause_queue IS
  'Stops all workers from claiming tasks of a queue; those under way go on. Any name will do, also of a queue without tasks.';
