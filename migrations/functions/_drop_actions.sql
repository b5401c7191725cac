-- Deletes the oldest lines of the journal, max_count at most, if they are that old: 30 days at least. For workers, as the owner of the table, since
-- nobody else may delete any. Returns how many.
CREATE OR REPLACE FUNCTION _drop_actions(older_than interval, max_count int) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
  deleted bigint;
BEGIN
  IF NOT has_table_privilege(session_user, 'task'::regclass, 'DELETE') THEN
    RAISE EXCEPTION 'TaskQueue: the role % may not drop actions', quote_ident(session_user) USING ERRCODE = 'insufficient_privilege';
  -- Compared as months of 30 days, an interval may be longer than the time that it leads back.
  ELSIF older_than IS NULL OR older_than < interval '30 days'
    OR clock_timestamp() - least(older_than, interval '1000 years') > clock_timestamp() - interval '29 days'
  THEN
    RAISE EXCEPTION 'TaskQueue: the journal of actions is kept for 30 days at least' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- For _guard_actions. Not by a SET clause, which takes a superuser for a setting of our own.
  PERFORM set_config('taskqueue.drops_actions', 'on', true);
  DELETE FROM action WHERE id = ANY (ARRAY(
    SELECT o.id FROM (SELECT a.id, a.at FROM action a ORDER BY a.id LIMIT max_count) AS o
    WHERE o.at <= clock_timestamp() - least(older_than, interval '1000 years')));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  PERFORM set_config('taskqueue.drops_actions', '', true);
  RETURN deleted;
END $$;
