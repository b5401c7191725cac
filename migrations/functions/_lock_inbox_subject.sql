-- Waits until no other transaction decides about this subject. Whoever makes a subject known and whoever remembers an event for it
-- take this lock first, and look afterwards: so one of both sees the other. Needs a snapshot per statement.
CREATE OR REPLACE FUNCTION _lock_inbox_subject(event_source text, event_subject text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'TaskQueue: the inbox needs a READ COMMITTED transaction' USING ERRCODE = 'feature_not_supported';
  END IF;
  PERFORM pg_advisory_xact_lock(
    hashtextextended('taskqueue.inbox:' || current_schema() || ':' || event_source || ':' || event_subject, 0));
END $$;
