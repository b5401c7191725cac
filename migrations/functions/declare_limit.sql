--   SELECT taskqueue.declare_limit('bank', 2);
--   SELECT taskqueue.declare_limit('mail', rate => 10, rate_period => '1 s');
CREATE OR REPLACE FUNCTION declare_limit(
  limit_name text, concurrency int DEFAULT NULL, ordered boolean DEFAULT false, hold_behind_dead_letters boolean DEFAULT false,
  rate int DEFAULT NULL, rate_period interval DEFAULT interval '1 s', burst int DEFAULT 1
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  new_concurrency int := coalesce(concurrency, CASE WHEN rate IS NULL THEN 1 ELSE 1000 END);
  new_period interval := CASE WHEN rate IS NOT NULL THEN rate_period END;
  new_burst int := CASE WHEN rate IS NOT NULL THEN burst END;
  before limit_rule;
  problem text := CASE
    WHEN _limit_problem(limit_name) IS NOT NULL THEN _limit_problem(limit_name)
    WHEN ordered IS NULL OR hold_behind_dead_letters IS NULL THEN 'ordered and hold_behind_dead_letters are true or false, not NULL'
    WHEN new_concurrency NOT BETWEEN 1 AND 1000 THEN 'a limit must be in 1 ... 1000'
    WHEN ordered AND new_concurrency <> 1 AND rate IS NULL THEN 'an ordered limit lets one task run at a time'
    WHEN hold_behind_dead_letters AND NOT ordered THEN 'only an ordered limit holds behind dead letters'
    WHEN ordered AND rate IS NOT NULL THEN 'an ordered limit has no rate; let its handler ask take_limit of another one'
    ELSE _rate_problem(rate, rate_period, burst)
  END;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Most programs start with what is there already: without a write, and without a lock.
  IF EXISTS (SELECT FROM limit_rule r WHERE r.name = limit_name AND r.concurrency = new_concurrency
      AND r.is_ordered = ordered AND r.holds = hold_behind_dead_letters
      AND (r.rate, r.rate_period, r.burst) IS NOT DISTINCT FROM (declare_limit.rate, new_period, new_burst)) THEN
    RETURN;
  END IF;
  IF NOT has_table_privilege('limit_rule'::regclass, 'INSERT') THEN
    RAISE EXCEPTION 'TaskQueue: the role % may not declare limits', quote_ident(current_user) USING ERRCODE = 'insufficient_privilege',
      HINT = 'Workers declare them: grant_worker lets a role do that. An operator changes what holds by set_limit.';
  END IF;
  SELECT * INTO before FROM limit_rule r WHERE r.name = limit_name FOR UPDATE;
  INSERT INTO limit_rule AS r (name, concurrency, is_ordered, holds, rate, rate_period, burst)
  VALUES (limit_name, new_concurrency, ordered, hold_behind_dead_letters, declare_limit.rate, new_period, new_burst)
  ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency, is_ordered = excluded.is_ordered, holds = excluded.holds,
    rate = excluded.rate, rate_period = excluded.rate_period, burst = excluded.burst,
    operator_concurrency = CASE WHEN NOT excluded.is_ordered THEN r.operator_concurrency END,
    operator_rate = CASE WHEN NOT excluded.is_ordered THEN r.operator_rate END,
    operator_rate_period = CASE WHEN NOT excluded.is_ordered THEN r.operator_rate_period END,
    operator_burst = CASE WHEN NOT excluded.is_ordered THEN r.operator_burst END, changed_at = clock_timestamp();
  PERFORM _limit_changed(limit_name, before);
END $$;

COMMENT ON FUNCTION declare_limit IS
  'Declares a limit, as programs do when they start: at most so many tasks of one key run at a time (1; 1000 with a rate). ordered: one after
  the other in the order of enqueue, also over retries; hold_behind_dead_letters: a dead letter then holds up those behind it. rate: at
  most so many of a key are admitted per rate_period, at most burst of them at once. What an operator has
  set stays. Tasks that are there already keep the order that they were enqueued with.';
