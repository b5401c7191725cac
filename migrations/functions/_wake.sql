-- Wakes workers at commit. Only who gets a lock notifies: NOTIFY takes a lock of the whole cluster at commit. First a lock of the queue
-- and of one in four backends; if a transaction holds that, one that changes every 100 ms: so transactions that stay open silence a
-- queue for moments only, and under load four or five at a time notify. The locks are 1,280 per schema, and a transaction takes 512 at
-- most, whatever number of queues it enqueues into. Queues may share a lock, but hardly ever both.
CREATE OR REPLACE FUNCTION _wake(queues text[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  tasks_channel text := _channel('tasks');
  space int := hashtext(tasks_channel);
  moment int := (date_part('epoch', clock_timestamp()) * 10)::bigint & 255;
BEGIN
  PERFORM pg_notify(tasks_channel, q.name)
  FROM (SELECT DISTINCT name, hashtext(name) AS hash FROM unnest(queues) AS u(name)) AS q
  WHERE pg_try_advisory_xact_lock(space, (q.hash & 255) * 4 + (pg_backend_pid() & 3))
    OR pg_try_advisory_xact_lock(space, 1024 + (((q.hash >> 8) + moment) & 255));
END $$;
