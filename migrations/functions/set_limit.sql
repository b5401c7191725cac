--   SELECT taskqueue.set_limit('bank', 3);
--   SELECT taskqueue.set_limit('bank', new_rate => 5, new_period => '1 s');
CREATE OR REPLACE FUNCTION set_limit(
  limit_name text, new_concurrency int DEFAULT NULL, new_rate int DEFAULT NULL, new_period interval DEFAULT interval '1 s',
  new_burst int DEFAULT 1
) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  rule limit_rule;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted json;
  problem text := _rate_problem(new_rate, new_period, new_burst);
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'UPDATE') THEN
    RETURN _as_operator('set_limit', limit_name, new_concurrency::text, new_rate::text, new_period::text, new_burst::text);
  END IF;
  SELECT * INTO rule FROM limit_rule r WHERE r.name = limit_name FOR UPDATE;
  IF num_nonnulls(new_concurrency, new_rate) = 0 THEN
    RAISE EXCEPTION 'TaskQueue: there is nothing to set' USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Give a new_concurrency, or a new_rate with its new_period and new_burst. What programs declare holds again after reset_limit.';
  ELSIF new_concurrency NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'TaskQueue: a limit must be in 1 ... 1000'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For none at all use pause_limit.';
  ELSIF new_concurrency > 1 AND rule.is_ordered THEN
    RAISE EXCEPTION 'TaskQueue: an ordered limit lets one task run at a time' USING ERRCODE = 'invalid_parameter_value';
  ELSIF new_rate IS NOT NULL AND rule.is_ordered THEN
    RAISE EXCEPTION 'TaskQueue: an ordered limit has no rate' USING ERRCODE = 'invalid_parameter_value';
  ELSIF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  ELSIF rule.name IS NULL THEN
    RETURN false;
  END IF;
  IF is_noted THEN
    noted := _limit_brief(limit_name);
  END IF;
  UPDATE limit_rule r SET operator_concurrency = coalesce(new_concurrency, r.operator_concurrency), changed_at = clock_timestamp(),
    operator_rate = coalesce(new_rate, r.operator_rate),
    operator_rate_period = CASE WHEN new_rate IS NULL THEN r.operator_rate_period ELSE new_period END,
    operator_burst = CASE WHEN new_rate IS NULL THEN r.operator_burst ELSE new_burst END
  WHERE r.name = limit_name;
  PERFORM _limit_changed(limit_name, rule);
  IF is_noted THEN
    PERFORM _journal('set_limit', 'limit/' || limit_name, json_strip_nulls(json_build_object('concurrency', new_concurrency, 'rate', new_rate,
      'periodSeconds', CASE WHEN new_rate IS NOT NULL THEN extract(epoch FROM new_period) END, 'burst', CASE WHEN new_rate IS NOT NULL THEN new_burst END)),
      noted, _limit_brief(limit_name));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION set_limit IS
  'Sets how many tasks of one key may run at a time, or at what rate they are admitted, until reset_limit: it wins over what programs declare.
  What is not given stays. Lowered: what runs goes on, and no slot above it is given again. Returns whether there is such a limit.';
