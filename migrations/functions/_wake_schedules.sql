-- Tells workers at commit that a schedule has changed: a queue without a name, which no queue is.
CREATE OR REPLACE FUNCTION _wake_schedules() RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  SELECT pg_notify(_channel('tasks'), '')
$$;
