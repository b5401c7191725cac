-- In a transaction of its own, please: it locks the key until the end. The row is locked first, so that the clock is read after a wait.
--   SELECT taskqueue.take_limit('bank', 'customer-7', up_to => '10 s');
CREATE OR REPLACE FUNCTION take_limit(
  limit_name text, limit_key text DEFAULT '', weight int DEFAULT 1, up_to interval DEFAULT interval '0'
) RETURNS interval
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_variable
DECLARE
  line text COLLATE "C" := limit_name || '/' || limit_key;
  problem text := _limit_problem(limit_name, limit_key);
  rule limit_rule;
  pace limit_pace;
  at timestamptz;
  start timestamptz;
  stamp timestamptz;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Name and key are two arguments: take_limit(''bank'', ''customer-7'').';
  ELSIF NOT has_table_privilege('limit_pace'::regclass, 'UPDATE') THEN
    RAISE EXCEPTION 'TaskQueue: the role % may not take admissions', quote_ident(current_user) USING ERRCODE = 'insufficient_privilege',
      HINT = 'Handlers take them: grant_worker lets a role do that.';
  END IF;
  SELECT * INTO rule FROM limit_rule r WHERE r.name = limit_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'TaskQueue: there is no limit %', quote_nullable(limit_name) USING ERRCODE = 'TQ002',
      HINT = 'Declare it first: in the limits of a worker''s configuration, by the client''s limits, or by declare_limit.';
  ELSIF weight IS NULL OR weight NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'TaskQueue: a weight must be in 1 ... 1000' USING ERRCODE = 'invalid_parameter_value';
  ELSIF up_to IS NULL OR up_to < interval '0' OR up_to > interval '1 day' THEN
    RAISE EXCEPTION 'TaskQueue: up_to must be in 0 ... 1 day' USING ERRCODE = 'invalid_parameter_value';
  ELSIF rule.is_paused THEN
    RETURN up_to + interval '1 minute';
  END IF;
  IF rule.gap IS NOT NULL AND NOT EXISTS (SELECT FROM limit_pace p WHERE p.limit_key = line) THEN
    -- A change of the limit does not see a row that is not committed yet: it and the first charge wait for each other.
    PERFORM FROM limit_rule r WHERE r.name = limit_name FOR KEY SHARE;
    -- For _fill_at_rate, which does not wait.
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.pace:' || line, 0));
    INSERT INTO limit_pace AS p (limit_key, next_at) VALUES (line, '-infinity') ON CONFLICT DO NOTHING;
  END IF;
  SELECT * INTO pace FROM limit_pace p WHERE p.limit_key = line FOR UPDATE;
  -- As it is after a change that was waited for.
  SELECT * INTO rule FROM limit_rule r WHERE r.name = limit_name;
  at := clock_timestamp();
  IF rule.gap IS NULL THEN
    RETURN greatest(pace.paused_until - at, interval '0');
  END IF;
  start := greatest(pace.next_at, at - rule.gap * (greatest(coalesce(rule.operator_burst, rule.burst), weight) - 1));
  stamp := start + rule.gap * (weight - 1);
  IF stamp <= at + up_to THEN
    UPDATE limit_pace p SET next_at = start + rule.gap * weight WHERE p.limit_key = line;
  END IF;
  RETURN greatest(stamp - at, interval '0');
END $$;

COMMENT ON FUNCTION take_limit IS
  'Before a call that a limit with a rate is for: takes the next admission of a key, weight times, and returns how long to wait before the call.
  What is above up_to (at most a day) means that nothing was taken; ask again then. Without a rate: how long the key is paused. A paused limit:
  a minute above up_to.';
