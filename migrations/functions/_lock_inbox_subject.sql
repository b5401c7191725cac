-- Waits until no other transaction decides about this subject. Whoever makes a subject known and whoever remembers an event for it
-- take this lock first, and look afterwards: so one of both sees the other. Needs a snapshot per statement. 1,024 locks per schema, so
-- that a transaction with many subjects does not exhaust the server's: now and then two subjects wait for each other.
CREATE OR REPLACE FUNCTION _lock_inbox_subject(event_source text, event_subject text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'TaskQueue: the inbox needs a READ COMMITTED transaction' USING ERRCODE = 'feature_not_supported',
      HINT = 'Begin the transaction with ISOLATION LEVEL READ COMMITTED; default_transaction_isolation says otherwise.';
  END IF;
  PERFORM pg_advisory_xact_lock(
    hashtext('taskqueue.inbox:' || current_schema()), hashtext(event_source || ':' || event_subject) & 1023);
END $$;
