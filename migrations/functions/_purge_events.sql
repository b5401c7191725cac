-- Deletes expired events, remembered ones too. Returns how many.
CREATE OR REPLACE FUNCTION _purge_events(max_count int) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM inbox_event WHERE ctid = ANY (ARRAY(
    SELECT i.ctid FROM inbox_event i WHERE i.expires_at <= clock_timestamp()
    ORDER BY i.expires_at LIMIT max_count FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;
