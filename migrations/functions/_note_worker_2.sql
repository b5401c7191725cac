-- As _note_worker, with the program's version, how many attempts run, and those of them that have for long, as the column held has them; NULL: there
-- are none. One that shuts down serves nothing any more, and says so by empty lists. A list that is as it was is not stored again.
CREATE OR REPLACE FUNCTION _note_worker_2(
  worker_id uuid, worker_name text, worker_queues text[], worker_types text[], worker_slots int, worker_version text, attempts int, long_attempts jsonb
) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  INSERT INTO worker AS w (id, name, queues, types, slots, version, in_flight, held)
  VALUES (worker_id, worker_name, worker_queues, worker_types, worker_slots, worker_version, attempts, long_attempts)
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, in_flight = excluded.in_flight,
    queues = CASE WHEN excluded.queues = w.queues THEN w.queues ELSE excluded.queues END,
    types = CASE WHEN excluded.types = w.types THEN w.types ELSE excluded.types END,
    held = CASE WHEN excluded.held = w.held THEN w.held ELSE excluded.held END;
  DELETE FROM worker WHERE id = ANY (ARRAY(
    SELECT w.id FROM worker w WHERE w.seen_at < clock_timestamp() - interval '2 min' FOR UPDATE SKIP LOCKED))
$$;
