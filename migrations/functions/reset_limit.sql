CREATE OR REPLACE FUNCTION reset_limit(limit_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  before limit_rule;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted json;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'UPDATE') THEN
    RETURN _as_operator('reset_limit', limit_name);
  END IF;
  SELECT * INTO before FROM limit_rule r WHERE r.name = limit_name FOR UPDATE;
  IF is_noted THEN
    noted := _limit_brief(limit_name);
  END IF;
  UPDATE limit_rule r SET operator_concurrency = NULL, operator_rate = NULL, operator_rate_period = NULL, operator_burst = NULL,
    is_paused = false, changed_at = clock_timestamp()
  WHERE r.name = limit_name;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM _limit_changed(limit_name, before);
  IF is_noted THEN
    PERFORM _journal('reset_limit', 'limit/' || limit_name, NULL, noted, _limit_brief(limit_name));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION reset_limit IS
  'Takes back what operators have set: what programs declare holds again. Returns whether there is such a limit.';
