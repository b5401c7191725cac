--   SELECT taskqueue.pause_limit_for('bank', '30 s');
CREATE OR REPLACE FUNCTION pause_limit_for(limit_name text, duration interval, limit_key text DEFAULT '') RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  line text COLLATE "C" := limit_name || '/' || limit_key;
  problem text := _limit_problem(limit_name, limit_key);
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted json;
  until timestamptz := clock_timestamp() + least(greatest(duration, interval '0'), interval '1 day');
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'UPDATE') THEN
    RETURN _as_operator('pause_limit_for', limit_name, duration::text, limit_key);
  ELSIF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value',
      HINT = 'Name and key are two arguments: pause_limit_for(''bank'', ''30 s'', ''customer-7'').';
  ELSIF duration IS NULL THEN
    RAISE EXCEPTION 'TaskQueue: a duration must not be NULL' USING ERRCODE = 'invalid_parameter_value';
  ELSIF NOT EXISTS (SELECT FROM limit_rule r WHERE r.name = limit_name) THEN
    RETURN false;
  ELSIF duration <= interval '0' THEN
    RETURN true;
  END IF;
  -- Rule and key in the order of set_limit, so that the two cannot wait for each other.
  PERFORM FROM limit_rule r WHERE r.name = limit_name FOR SHARE;
  IF is_noted THEN
    noted := json_build_object('pausedUntil', (SELECT to_char(p.paused_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
      FROM limit_pace p WHERE p.limit_key = line));
  END IF;
  IF NOT EXISTS (SELECT FROM limit_pace p WHERE p.limit_key = line) THEN
    -- For _fill_at_rate, which does not wait.
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.pace:' || line, 0));
  END IF;
  INSERT INTO limit_pace AS p (limit_key, next_at, paused_until) VALUES (line, until, until)
  ON CONFLICT ON CONSTRAINT limit_pace_pkey DO UPDATE SET next_at = greatest(p.next_at, excluded.next_at),
    paused_until = greatest(p.paused_until, excluded.paused_until);
  -- Those that are admitted for a moment to come go back in line when it has come (_promote).
  PERFORM _give_back(ARRAY(
    SELECT t.id FROM task t WHERE t.limit_key = line AND t.slot > 0 AND t.ready AND t.lease_token IS NULL FOR UPDATE SKIP LOCKED));
  IF is_noted THEN
    PERFORM _journal('pause_limit_for', 'limit/' || limit_name, json_build_object('key', limit_key, 'seconds', extract(epoch FROM duration)), noted,
      json_build_object('pausedUntil', (SELECT to_char(p.paused_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
      FROM limit_pace p WHERE p.limit_key = line)));
  END IF;
  RETURN true;
END $$;

COMMENT ON FUNCTION pause_limit_for IS
  'Admits no task of this limit''s key for a time, a day at most: what a provider''s 429 asks for. What runs goes on, what was admitted and does
  not run yet goes back in line. A pause that is there already is not shortened. Returns whether there is such a limit.';
