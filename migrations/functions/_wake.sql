-- Wakes workers at commit. Only who gets the queue's lock notifies: NOTIFY takes a lock of the whole cluster at commit.
-- Several locks per queue, so that one long transaction does not silence the queue.
CREATE OR REPLACE FUNCTION _wake(queues text[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  tasks_channel text := _channel('tasks');
BEGIN
  PERFORM pg_notify(tasks_channel, q.name)
  FROM (SELECT DISTINCT name FROM unnest(queues) AS u(name)) AS q
  WHERE pg_try_advisory_xact_lock(hashtext(tasks_channel || ':' || q.name), pg_backend_pid() & 3);
END $$;
