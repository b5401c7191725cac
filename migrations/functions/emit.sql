--   SELECT taskqueue.emit('paid/7', '{"amount": 500}');
-- Locks no task. Workers hand the event over after the commit (_look_at_events).
CREATE OR REPLACE FUNCTION emit(
  key text, payload json DEFAULT 'null', retention interval DEFAULT '7 days', wakes boolean DEFAULT true
) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  problem text := CASE
    WHEN emit.key IS NULL OR octet_length(emit.key) NOT BETWEEN 1 AND 256 OR emit.key ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'an event''s key must have 1 to 256 bytes and no control characters'
    WHEN starts_with(emit.key, '~') THEN 'an event''s key must not begin with ~: those are the library''s own'
    WHEN emit.payload IS NULL THEN 'the payload must not be NULL; for none use ''null'''
    WHEN octet_length(emit.payload::text) > 262144 THEN 'an event''s payload must be at most 262144 bytes; store a reference instead'
    WHEN retention IS NULL OR retention <= interval '0' OR retention > interval '100 years' OR abs(extract(year FROM retention)) > 100
        OR abs(extract(day FROM retention)) > 36525
      THEN 'the retention must be above zero and at most 100 years'
  END;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO event AS e (key, payload, created_at, expires_at) VALUES (emit.key, emit.payload, at, at + retention)
  ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, created_at = excluded.created_at, expires_at = excluded.expires_at
    WHERE e.expires_at <= at;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO event_look (event_key, look_at) VALUES (emit.key, at);
  IF wakes THEN
    PERFORM _wake(ARRAY(
      SELECT DISTINCT E'\x01' || t.queue
      FROM (SELECT w.task_id FROM event_wait w WHERE w.event_key = emit.key LIMIT 1000) AS w JOIN task t ON t.id = w.task_id));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION emit IS
  'Stores an event in the caller''s transaction, for the flows that wait for its key or will. The first one with a key counts until its
  retention is over: returns whether this is it. wakes => false: workers notice at their next look.';
