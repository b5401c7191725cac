--   SELECT taskqueue.declare_limit('bank', 2);
CREATE OR REPLACE FUNCTION declare_limit(
  limit_name text, concurrency int DEFAULT 1, ordered boolean DEFAULT false, hold_behind_dead_letters boolean DEFAULT false
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  problem text := CASE
    WHEN limit_name IS NULL OR octet_length(limit_name) NOT BETWEEN 1 AND 64 OR limit_name ~ E'[\\x01-\\x1f\\x7f/]'
      THEN 'a limit''s name must have 1 to 64 bytes and no slashes or control characters'
    WHEN concurrency IS NULL OR concurrency NOT BETWEEN 1 AND 1000 THEN 'a limit must be in 1 ... 1000'
    WHEN ordered AND concurrency <> 1 THEN 'an ordered limit lets one task run at a time'
    WHEN hold_behind_dead_letters AND NOT ordered THEN 'only an ordered limit holds behind dead letters'
  END;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Most programs start with what is there already: without a write, and without a lock.
  IF EXISTS (SELECT FROM limit_rule r WHERE r.name = limit_name AND r.concurrency = declare_limit.concurrency
      AND r.is_ordered = ordered AND r.holds = hold_behind_dead_letters) THEN
    RETURN;
  END IF;
  INSERT INTO limit_rule AS r (name, concurrency, is_ordered, holds)
  VALUES (limit_name, declare_limit.concurrency, ordered, hold_behind_dead_letters)
  ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency, is_ordered = excluded.is_ordered, holds = excluded.holds,
    operator_concurrency = CASE WHEN NOT excluded.is_ordered THEN r.operator_concurrency END, changed_at = clock_timestamp();
  PERFORM _limit_changed(limit_name);
END $$;

COMMENT ON FUNCTION declare_limit IS
  'Declares a limit, as programs do when they start: at most so many tasks of one key run at a time. ordered: one after the other in
  the order of enqueue, also over retries; hold_behind_dead_letters: a dead letter then holds up those behind it. What an operator has
  set stays. Tasks that are there already keep the order that they were enqueued with.';
