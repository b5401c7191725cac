-- Deletes the oldest lines of the journal, max_count at most, if they are that old: a day at least. As the owner of the table, since nobody else
-- may delete any. Returns how many.
CREATE OR REPLACE FUNCTION _drop_actions(older_than interval, max_count int) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET taskqueue.drops_actions = 'on'
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
  deleted bigint;
BEGIN
  IF older_than IS NULL OR older_than < interval '1 day' THEN
    RAISE EXCEPTION 'TaskQueue: the journal of actions is kept for a day at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  DELETE FROM action WHERE id = ANY (ARRAY(
    SELECT o.id FROM (SELECT a.id, a.at FROM action a ORDER BY a.id LIMIT max_count) AS o
    WHERE o.at <= clock_timestamp() - least(older_than, interval '1000 years')));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;

REVOKE EXECUTE ON FUNCTION _drop_actions FROM PUBLIC;
