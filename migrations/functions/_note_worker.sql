-- A worker's report that it runs, and the end of those that do not report any more. Never waits for rows of others.
CREATE OR REPLACE FUNCTION _note_worker(worker_id uuid, worker_name text, worker_queues text[], worker_types text[], worker_slots int)
RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  INSERT INTO worker (id, name, queues, types, slots)
  VALUES (worker_id, worker_name, worker_queues, worker_types, worker_slots)
  ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at;
  DELETE FROM worker WHERE id = ANY (ARRAY(
    SELECT w.id FROM worker w WHERE w.seen_at < clock_timestamp() - interval '2 min' FOR UPDATE SKIP LOCKED))
$$;
