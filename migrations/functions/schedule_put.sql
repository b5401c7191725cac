--   SELECT taskqueue.schedule_put('nightly', '0 3 * * *', 'report.make', '{"kind": "full"}', time_zone => 'Europe/Berlin');
CREATE OR REPLACE FUNCTION schedule_put(
  name text, rule text, type text, payload json DEFAULT '{}', time_zone text DEFAULT 'UTC', queue text DEFAULT 'default',
  priority int DEFAULT 100, max_attempts int DEFAULT NULL, overlap text DEFAULT 'queue', catch_up int DEFAULT 1,
  jitter interval DEFAULT '0', headers json DEFAULT NULL, limit_name text DEFAULT NULL, limit_key text DEFAULT ''
) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  problem text := CASE
    WHEN name IS NULL OR octet_length(name) NOT BETWEEN 1 AND 128 OR name ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a schedule''s name must have 1 to 128 bytes and no control characters'
    WHEN rule IS NULL OR octet_length(rule) NOT BETWEEN 1 AND 1000 THEN 'a rule has 1 to 1000 bytes'
    WHEN time_zone IS NULL OR octet_length(time_zone) NOT BETWEEN 1 AND 64 THEN 'a time zone has 1 to 64 bytes'
    WHEN type IS NULL OR octet_length(type) NOT BETWEEN 1 AND 128 OR type ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a task type must have 1 to 128 bytes and no control characters'
    WHEN queue IS NULL OR octet_length(queue) NOT BETWEEN 1 AND 128 OR queue ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a queue name must have 1 to 128 bytes and no control characters'
    WHEN payload IS NULL THEN 'the payload must not be NULL; for none use ''{}'''
    WHEN octet_length(payload::text) > 4194304 THEN 'the payload must be at most 4194304 bytes; store a reference instead'
    WHEN priority IS NULL OR priority NOT BETWEEN -32768 AND 32767 THEN 'a priority must be in -32768 ... 32767 (lower runs first)'
    WHEN max_attempts NOT BETWEEN 1 AND 1000000 THEN 'max_attempts must be in 1 ... 1000000'
    WHEN overlap IS NULL OR overlap NOT IN ('queue', 'skip', 'replace') THEN 'overlap must be queue, skip or replace'
    WHEN catch_up IS NULL OR catch_up NOT BETWEEN 0 AND 1000 THEN 'catch_up must be in 0 ... 1000'
    WHEN jitter IS NULL OR jitter < interval '0' OR jitter > interval '1 day' THEN 'jitter must be in 0 ... 1 day'
    WHEN octet_length(headers::text) > 16384 THEN 'headers must be at most 16384 bytes'
    WHEN json_typeof(headers) <> 'object' OR _as_jsonb(headers) IS NULL AND headers IS NOT NULL
      THEN E'headers must be a JSON object of strings, without \\u0000 and halves of surrogate pairs'
    WHEN limit_name IS NULL AND limit_key <> '' THEN 'a limit_key needs a limit_name'
    WHEN limit_name IS NOT NULL THEN _limit_problem(limit_name, limit_key)
  END;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  before json;
BEGIN
  IF problem IS NULL AND headers IS NOT NULL
    AND EXISTS (SELECT FROM json_each(headers) AS h WHERE json_typeof(h.value) <> 'string')
  THEN
    problem := 'headers must be a JSON object of strings';
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF is_noted THEN
    before := _schedule_brief(name);
  END IF;
  PERFORM _put_schedules(ARRAY[name], ARRAY[json_strip_nulls(json_build_object('rule', rule, 'timeZone', time_zone, 'type', type,
    'queue', queue, 'priority', priority, 'maxAttempts', max_attempts, 'headers', coalesce(headers, '{}'),
    'limit', limit_name || '/' || limit_key, 'overlap', overlap,
    'catchUp', catch_up, 'jitterSeconds', extract(epoch FROM jitter)::int))], ARRAY[payload], false);
  IF is_noted THEN
    PERFORM _journal('schedule_put', 'schedule/' || name, NULL, before, _schedule_brief(name));
  END IF;
END $$;

COMMENT ON FUNCTION schedule_put IS
  'Adds a schedule, or changes the one of this name. rule: five or six fields of cron, or such as every 15 min from
  2026-01-01T00:00:00Z. A worker plans it at once; schedule_status.problem says if it cannot read the rule. overlap, while the task
  of an earlier slot lives: queue (each slot has a task), skip, replace. catch_up: how many missed slots are made up for, at most.
  jitter: how much later than its slots it may be, always by the same time. limit_name and limit_key: the limit of its tasks.';
