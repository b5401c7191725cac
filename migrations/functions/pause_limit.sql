CREATE OR REPLACE FUNCTION pause_limit(limit_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted json;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'UPDATE') THEN
    RETURN _as_operator('pause_limit', limit_name);
  END IF;
  IF is_noted THEN
    noted := _limit_brief(limit_name);
  END IF;
  UPDATE limit_rule r SET is_paused = true, changed_at = clock_timestamp() WHERE r.name = limit_name;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM _limit_changed(limit_name);
  IF is_noted THEN
    PERFORM _journal('pause_limit', 'limit/' || limit_name, NULL, noted, _limit_brief(limit_name));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION pause_limit IS
  'Admits no task of this limit any more; what runs goes on, what waits goes on waiting. Returns whether there is such a limit.';
