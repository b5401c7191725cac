CREATE OR REPLACE FUNCTION set_limit(limit_name text, new_concurrency int) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'UPDATE') THEN
    RETURN _operate('set_limit', limit_name, new_concurrency::text);
  END IF;
  IF new_concurrency IS NULL OR new_concurrency NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'TaskQueue: a limit must be in 1 ... 1000'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For none at all use pause_limit.';
  ELSIF new_concurrency > 1 AND EXISTS (SELECT FROM limit_rule r WHERE r.name = limit_name AND r.is_ordered) THEN
    RAISE EXCEPTION 'TaskQueue: an ordered limit lets one task run at a time' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  UPDATE limit_rule r SET operator_concurrency = new_concurrency, changed_at = clock_timestamp() WHERE r.name = limit_name;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM _limit_changed(limit_name);
  RETURN true;
END $$;

COMMENT ON FUNCTION set_limit IS
  'Sets how many tasks of one key may run at a time, until reset_limit: it wins over what programs declare. Lowered: what runs goes on,
  and no slot above it is given again. Returns whether there is such a limit.';
