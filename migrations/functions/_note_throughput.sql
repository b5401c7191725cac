-- Adds what a worker did since its last report to the minute of now. In the order of the key, so that two workers do not deadlock.
CREATE OR REPLACE FUNCTION _note_throughput(queues text[], types text[], outcomes text[], counts bigint[]) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  INSERT INTO throughput_minute AS m (minute, queue, type, outcome, attempts)
  SELECT date_trunc('minute', clock_timestamp()), u.queue, u.type, u.outcome, u.attempts
  FROM unnest(queues, types, outcomes, counts) AS u(queue, type, outcome, attempts)
  ORDER BY u.queue COLLATE "C", u.type COLLATE "C", u.outcome COLLATE "C"
  ON CONFLICT (minute, queue, type, outcome) DO UPDATE SET attempts = m.attempts + excluded.attempts
$$;
