-- From psql, a trigger, any language:
--   SELECT taskqueue.enqueue('receipt.send', '{"orderID": 7}', delay => '5 minutes');
--   SELECT taskqueue.enqueue('receipt.send', json_build_object('orderID', id)) FROM orders WHERE ...;
CREATE OR REPLACE FUNCTION enqueue(
  type text, payload json, queue text DEFAULT 'default', priority int DEFAULT 100, delay interval DEFAULT NULL,
  due_at timestamptz DEFAULT NULL, unique_key text DEFAULT NULL, unique_mode text DEFAULT 'keep_existing',
  unique_period interval DEFAULT NULL, max_attempts int DEFAULT NULL, retry json DEFAULT NULL,
  headers json DEFAULT NULL, deadline timestamptz DEFAULT NULL, wakes boolean DEFAULT true,
  limit_name text DEFAULT NULL, limit_key text DEFAULT '', limit_weight int DEFAULT 1
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  problem text := CASE
    WHEN type IS NULL OR octet_length(type) NOT BETWEEN 1 AND 128 OR type ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a task type must have 1 to 128 bytes and no control characters'
    WHEN queue IS NULL OR octet_length(queue) NOT BETWEEN 1 AND 128 OR queue ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a queue name must have 1 to 128 bytes and no control characters'
    WHEN payload IS NULL THEN 'the payload must not be NULL; for none use ''{}'''
    WHEN octet_length(payload::text) > 4194304 THEN 'the payload must be at most 4194304 bytes; store a reference instead'
    WHEN priority IS NULL OR priority NOT BETWEEN -32768 AND 32767 THEN 'a priority must be in -32768 ... 32767 (lower runs first)'
    WHEN delay IS NOT NULL AND due_at IS NOT NULL THEN 'give either a delay or due_at, not both'
    WHEN delay > interval '100 years' OR abs(extract(year FROM delay)) > 100 OR abs(extract(day FROM delay)) > 36525 THEN 'a delay must be at most 100 years'
    WHEN NOT isfinite(due_at) OR due_at >= '4001-01-01' THEN 'due_at must be an instant before the year 4001'
    WHEN NOT isfinite(deadline) OR deadline >= '4001-01-01'
      THEN 'a deadline must be an instant before the year 4001; for none use NULL'
    WHEN octet_length(unique_key) NOT BETWEEN 1 AND 256 OR unique_key ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a unique key must have 1 to 256 bytes and no control characters'
    WHEN unique_mode IS NULL OR unique_mode NOT IN ('keep_existing', 'replace', 'coalesce')
      THEN 'unique_mode must be keep_existing, replace or coalesce'
    WHEN unique_period IS NOT NULL AND unique_key IS NULL THEN 'unique_period needs a unique_key'
    WHEN unique_period <= interval '0' OR unique_period > interval '100 years' OR abs(extract(year FROM unique_period)) > 100
        OR abs(extract(day FROM unique_period)) > 36525
      THEN 'unique_period must be above zero and at most 100 years'
    WHEN limit_name IS NOT NULL AND (limit_key IS NULL OR octet_length(limit_name) NOT BETWEEN 1 AND 64 OR strpos(limit_name, '/') > 0
        OR octet_length(limit_key) > 128 OR limit_name || limit_key ~ E'[\\x01-\\x1f\\x7f]')
      THEN 'a limit''s name must have 1 to 64 bytes without slashes, its key at most 128 bytes, both no control characters'
    WHEN limit_name IS NULL AND (limit_key <> '' OR limit_weight <> 1) THEN 'a limit_key or limit_weight needs a limit_name'
    WHEN limit_weight IS NULL OR limit_weight NOT BETWEEN 1 AND 1000 THEN 'limit_weight must be in 1 ... 1000'
    WHEN max_attempts NOT BETWEEN 1 AND 1000000 THEN 'max_attempts must be in 1 ... 1000000'
  END;
BEGIN
  -- Apart: an expression with a query in it is slow to begin.
  IF problem IS NULL AND headers IS NOT NULL THEN
    problem := CASE
      WHEN octet_length(headers::text) > 16384 THEN 'headers must be at most 16384 bytes'
      WHEN json_typeof(headers) <> 'object' THEN 'headers must be a JSON object of strings'
      WHEN _as_jsonb(headers) IS NULL THEN E'headers must not have \\u0000 or halves of surrogate pairs'
      WHEN EXISTS (SELECT FROM json_each(headers) AS h WHERE json_typeof(h.value) <> 'string')
        THEN 'headers must be a JSON object of strings'
    END;
  END IF;
  IF problem IS NULL AND retry IS NOT NULL THEN
    problem := CASE
      WHEN octet_length(retry::text) > 1024 THEN 'retry must be at most 1024 bytes'
      WHEN json_typeof(retry) <> 'object' THEN 'retry must be a JSON object'
      WHEN _as_jsonb(retry) IS NULL THEN E'retry must not have numbers beyond numeric, \\u0000 or halves of surrogate pairs'
      WHEN (SELECT count(*) FILTER (WHERE json_typeof(r.value) = 'number') < 4 FROM json_each(retry) AS r
          WHERE r.key IN ('baseSeconds', 'factor', 'capSeconds', 'jitter'))
        THEN 'retry must have the numbers baseSeconds, factor, capSeconds and jitter'
      WHEN (retry ->> 'baseSeconds')::numeric <= 0 OR (retry ->> 'capSeconds')::numeric < (retry ->> 'baseSeconds')::numeric
        OR (retry ->> 'capSeconds')::numeric > 3155760000 OR (retry ->> 'factor')::numeric NOT BETWEEN 1 AND 10
        OR (retry ->> 'jitter')::numeric NOT BETWEEN 0 AND 1
        THEN 'retry needs 0 < baseSeconds <= capSeconds <= 100 years, factor in 1 ... 10, jitter in 0 ... 1'
    END;
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF queue = 'default' AND priority = 100 AND num_nonnulls(delay, due_at, unique_key, max_attempts, retry, headers, deadline, limit_name) = 0
  THEN
    RETURN (
      SELECT task_id FROM _enqueue_many(
        ARRAY[type], ARRAY[payload], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', wakes));
  END IF;
  RETURN (
    SELECT task_id FROM _enqueue_many(
      ARRAY[type], ARRAY[payload], ARRAY[queue], ARRAY[priority], ARRAY[delay], ARRAY[due_at],
      CASE WHEN unique_key IS NULL THEN '{}' ELSE ARRAY[unique_key] END, ARRAY[unique_mode], ARRAY[unique_period],
      ARRAY[max_attempts], ARRAY[retry], ARRAY[headers], ARRAY[deadline], wakes,
      CASE WHEN limit_name IS NULL THEN '{}' ELSE ARRAY[limit_name || '/' || limit_key || CASE WHEN limit_weight > 1 THEN E'\x01' || limit_weight ELSE '' END] END));
END $$;

COMMENT ON FUNCTION enqueue IS
  'Enqueues one task in the caller''s transaction and returns its id, or that of the task that has its unique key already.
  Defaults: queue default, priority 100 (lower first), due at once. delay or due_at: due later. unique_mode, if its queue has a task
  with this unique_key: keep_existing, replace (payload and options), coalesce (pull its due time forward; run it once more if it
  runs). unique_period: how long the key also counts after completion. max_attempts: failures after which it is a dead letter.
  retry, headers: as Swift stores them. limit_name, limit_key: at most as many with this key run at a time, or start in a period, as the limit
  says; limit_weight: as how many it counts there. wakes => false: workers notice at their next poll, and the
  transaction may be prepared.';
