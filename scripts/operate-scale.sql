-- A database as after a bad night: five queues, tasks in every state, limits, dead letters and a month of history.
--
--   psql -v live=1000000 -v dead=1000000 -v done=10000000 -f scripts/operate-scale.sql
--
-- For scripts/operate-scale, and for the tests of plans. Dead letters have ids from 100000000 on, done tasks from 200000000 on.
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
SET synchronous_commit = off;
SET search_path = taskqueue, pg_temp;
SELECT declare_limit('bank', 3), declare_limit('mail', rate => 10);
INSERT INTO task (queue, type, priority, ready, due_at, created_at, payload, attempt, failures, errors)
SELECT CASE WHEN n % 100 = 0 THEN 'mail' WHEN n % 100 = 1 THEN 'reports' ELSE 'default' END, 'type' || n % 20,
  CASE WHEN n % 10 = 0 THEN 50 ELSE 100 END, n % 5 < 3,
  CASE WHEN n % 5 < 3 THEN now() - n % 1000 * interval '1 s' ELSE now() + n % 1000 * interval '1 min' END,
  now() - interval '1 d', json_build_object('n', n), CASE WHEN n % 5 = 4 THEN 3 ELSE 0 END, CASE WHEN n % 5 = 4 THEN 3 ELSE 0 END,
  CASE WHEN n % 5 = 4 THEN jsonb_build_array(
    jsonb_build_object('message', 'HTTP 503 from the bank ' || n, 'errorType', 'BankError', 'attempt', 3, 'at', 1.5)) END
FROM generate_series(1, :live * 97 / 100) AS n;
INSERT INTO task (queue, type, priority, ready, due_at, created_at, payload, limit_key, slot)
SELECT 'bank', 'pay', 100, false, now() - interval '1 h', now() - interval '1 d', '{}', 'bank/customer-' || n % 300, 0
FROM generate_series(1, :live * 3 / 100) AS n;
UPDATE task SET lease_until = now() + interval '1 h', lease_token = id, attempt = 1 WHERE id IN (
  SELECT id FROM task WHERE ready AND queue = 'default' ORDER BY priority, due_at, id LIMIT 300);
UPDATE task SET lease_until = now() + interval '1 h', lease_token = id, attempt = 1 WHERE id IN (
  SELECT id FROM task WHERE ready AND queue = 'mail' ORDER BY priority, due_at, id LIMIT 30);
INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload, errors)
SELECT 100000000 + n, CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END, 'type' || n % 20, 100, 5, 5, 0,
  now() - interval '30 d', now() - n * interval '2 s', CASE WHEN n % 1000 = 0 THEN 'expired' ELSE 'failed' END, '{}',
  jsonb_build_array(jsonb_build_object('message', 'HTTP 503 from the bank ' || n, 'errorType', 'BankError', 'attempt', 3, 'at', 1.5))
FROM generate_series(1, :dead) AS n;
DO $$
DECLARE
  part_day date;
BEGIN
  FOR part_day IN SELECT (now() AT TIME ZONE 'UTC')::date - n FROM generate_series(0, 29) AS n LOOP
    EXECUTE format('CREATE TABLE done_%s (LIKE done INCLUDING ALL)', to_char(part_day, 'YYYYMMDD'));
    EXECUTE format('ALTER TABLE done ATTACH PARTITION done_%s FOR VALUES FROM (%L) TO (%L)', to_char(part_day, 'YYYYMMDD'),
      part_day || ' 00:00:00+00', part_day + 1 || ' 00:00:00+00');
  END LOOP;
END $$;
INSERT INTO done (id, queue, type, attempt, created_at, done_at, expires_at, result)
SELECT 200000000 + n, CASE WHEN n % 100 = 0 THEN 'mail' ELSE 'default' END, 'type' || n % 20, 1, now() - interval '30 d',
  now() - (:done - n) * (interval '29 d' / :done), now() + interval '30 d', CASE WHEN n % 2 = 0 THEN '{"ok": true}' END::json
FROM generate_series(1, :done) AS n;
INSERT INTO effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_used_at, intended_at, changed_at)
SELECT n, 'charge', 'pay', gen_random_uuid(), sha256('x'), CASE WHEN n % 10 = 0 THEN 'unknown' ELSE 'succeeded' END, 1, '1 min',
  now(), now() - n * interval '1 s', now()
FROM generate_series(1, :live / 5) AS n;
INSERT INTO step (task_id, name, kind, place)
SELECT n, 's' || k, 'step', k FROM generate_series(1, :live / 20) AS n, generate_series(1, 4) AS k;
INSERT INTO throughput_minute (minute, queue, type, outcome, attempts)
SELECT date_trunc('minute', now()) - m * interval '1 minute', 'default', 'type' || k, o, 100
FROM generate_series(1, least(43200, :done / 20)) AS m, generate_series(1, 5) AS k, unnest('{completed,failed}'::text[]) AS o;
INSERT INTO action (actor, verb, target, task_ids, task_count)
SELECT 'ann', 'cancel', 'task/' || n, ARRAY[n], 1 FROM generate_series(1, :live / 10) AS n;
SELECT _note_worker(gen_random_uuid(), 'w', '{default,mail}', '{type1,type2}', 10);
SELECT setval('task_id_seq', 300000000);
ANALYZE task; ANALYZE dead_task; ANALYZE done; ANALYZE effect; ANALYZE step; ANALYZE throughput_minute; ANALYZE action;
