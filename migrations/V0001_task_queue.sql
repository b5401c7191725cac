-- TaskQueue, version 1. Everything is created in the first schema of search_path:
--
--   psql -1 -v ON_ERROR_STOP=1 -c 'CREATE SCHEMA taskqueue' -c 'SET search_path = taskqueue' -f V0001_task_queue.sql
--
-- or by `Migrator`; both record the version in the table "migration" and may be mixed. PostgreSQL 13 or newer.
-- Functions whose plans matter pin them with SET clauses: a plan made on an empty table would be kept otherwise, and
-- session settings do not survive a transaction pooler. What has to use a plan that is switched off, such as a sort of a
-- handful of names from PostgreSQL 16 on, costs so much on paper that it would be compiled with every call: hence jit = off.

DO $$
BEGIN
  IF current_schema() IS NULL THEN
    RAISE EXCEPTION 'no schema to create TaskQueue in' USING HINT = 'Create it, then SET search_path to it.';
  END IF;
  -- pg_temp last: a temporary table called "task" must not hide ours. This session only.
  PERFORM set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);
END $$;

CREATE TABLE migration (
  version int PRIMARY KEY,
  name text NOT NULL,
  checksum text, -- SHA-256 of the file in hex; NULL until Migrator has seen a version that psql applied
  applied_at timestamptz NOT NULL DEFAULT now()
);

-- Rules of single columns are domains: a table's CHECK would be evaluated again with every claim.
CREATE DOMAIN queue_name AS text COLLATE "C"
  CONSTRAINT task_queue_name CHECK (octet_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ '[\x01-\x1f\x7f]');
CREATE DOMAIN type_name AS text COLLATE "C"
  CONSTRAINT task_type_name CHECK (octet_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ '[\x01-\x1f\x7f]');
CREATE DOMAIN key_name AS text COLLATE "C"
  CONSTRAINT task_unique_key CHECK (octet_length(VALUE) BETWEEN 1 AND 256 AND VALUE !~ '[\x01-\x1f\x7f]');
CREATE DOMAIN attempt_limit AS int CONSTRAINT task_max_attempts CHECK (VALUE BETWEEN 1 AND 1000000);
CREATE DOMAIN key_period AS interval CONSTRAINT task_unique_period CHECK (VALUE > interval '0');
CREATE DOMAIN task_payload AS json CONSTRAINT task_payload_size CHECK (octet_length(VALUE::text) <= 4194304);
CREATE DOMAIN task_headers AS json
  CONSTRAINT task_headers_object CHECK (json_typeof(VALUE) = 'object' AND octet_length(VALUE::text) <= 65536);

-- One row per live task. A claim changes no indexed column, so it is a HOT update while its page has room: that is what
-- the low fillfactor is for.
CREATE TABLE task (
  id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  queue queue_name NOT NULL DEFAULT 'default',
  type type_name NOT NULL,
  priority smallint NOT NULL DEFAULT 100, -- lower first
  -- true: due, waiting for a worker or held by one. false: waiting for run_at, or finished.
  -- A row with a future run_at and ready = true is not claimed before it is due, but every claim steps over it.
  ready boolean NOT NULL DEFAULT true,
  run_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- due; of a finished task: when its unique key is free again
  lease_until timestamptz NOT NULL DEFAULT '-infinity', -- '-infinity': not claimed since the last outcome
  lease_token bigint, -- random per claim: the fence
  attempt int NOT NULL DEFAULT 0,
  failures int NOT NULL DEFAULT 0,
  crashes int NOT NULL DEFAULT 0,
  rerun boolean NOT NULL DEFAULT false, -- run once more when the attempt under way ends
  cancel_requested boolean NOT NULL DEFAULT false,
  max_attempts attempt_limit,
  created_at timestamptz NOT NULL DEFAULT now(),
  deadline timestamptz,
  unique_key key_name,
  unique_period key_period,
  finished_at timestamptz,
  payload task_payload NOT NULL,
  headers task_headers,
  retry json,
  errors jsonb, -- the last 10
  CONSTRAINT task_finished CHECK (finished_at IS NULL OR NOT ready)
) WITH (
  fillfactor = 45,
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1,
  vacuum_truncate = false -- truncation takes a lock that stops every claim
);

CREATE INDEX task_claim ON task (queue, priority, run_at, id) WHERE ready;
CREATE INDEX task_due ON task (run_at) WHERE NOT ready AND finished_at IS NULL;
CREATE INDEX task_finished ON task (run_at) WHERE NOT ready AND finished_at IS NOT NULL;
CREATE UNIQUE INDEX task_unique ON task (queue, unique_key) WHERE unique_key IS NOT NULL;

CREATE TABLE dead_task (
  id bigint PRIMARY KEY,
  queue text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  priority smallint NOT NULL,
  attempt int NOT NULL,
  failures int NOT NULL,
  crashes int NOT NULL,
  max_attempts int,
  created_at timestamptz NOT NULL,
  deadline timestamptz,
  unique_key text COLLATE "C",
  unique_period interval,
  died_at timestamptz NOT NULL,
  reason text NOT NULL,
  detail text,
  payload json NOT NULL,
  headers json,
  retry json,
  errors jsonb
);
CREATE INDEX dead_task_type ON dead_task (type, id);

CREATE TABLE paused_queue (
  queue text COLLATE "C" PRIMARY KEY,
  paused_at timestamptz NOT NULL DEFAULT now()
);

-- The NOTIFY channel of this schema for 'tasks' (payload: a queue's name) or 'cancels' (payload: a task's id):
-- "taskqueue:tasks" in the default schema.
CREATE FUNCTION channel(kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT CASE WHEN octet_length(current_schema()) <= 48 THEN current_schema()::text ELSE md5(current_schema()) END || ':' || kind
$$;

-- Wakes workers at commit. Only who gets the queue's lock notifies: NOTIFY takes a lock of the whole cluster at commit.
-- Several locks per queue, so that one long transaction does not silence the queue.
CREATE FUNCTION wake(queues text[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  tasks_channel text := channel('tasks');
BEGIN
  PERFORM pg_notify(tasks_channel, q.name)
  FROM (SELECT DISTINCT name FROM unnest(queues) AS u(name)) AS q
  WHERE pg_try_advisory_xact_lock(hashtext(tasks_channel || ':' || q.name), pg_backend_pid() & 3);
END $$;

-- Stores tasks, in order; arrays are padded with NULL, so an option nobody uses is an empty array. One round trip and, for
-- tasks without unique keys, one statement. max_attempts 0 stands for NULL.
CREATE FUNCTION enqueue_many(
  types text[], payloads json[], queues text[], priorities int[], delays interval[], run_ats timestamptz[],
  unique_keys text[], unique_modes text[], unique_periods interval[], max_attempts int[], retries json[],
  headers json[], deadlines timestamptz[], wakes boolean,
  OUT task_id bigint, OUT is_new boolean
) RETURNS SETOF record
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  tasks_channel text;
  ids bigint[];
  stored bigint[];
  task_count int;
  stored_count int;
  item record;
  existing record;
  round int;
BEGIN
  IF cardinality(queues) + cardinality(priorities) + cardinality(delays) + cardinality(run_ats) + cardinality(unique_keys)
    + cardinality(max_attempts) + cardinality(retries) + cardinality(headers) + cardinality(deadlines) = 0
  THEN
    -- The usual case, at the price of the bare INSERT. Rows get their ids, and are returned, in the order of the arrays:
    -- nothing between unnest and INSERT may reorder them.
    RETURN QUERY
    INSERT INTO task (type, run_at, created_at, payload)
    SELECT u.type, at, at, u.payload FROM unnest(types, payloads) AS u(type, payload)
    RETURNING id, true;
    -- wake('{default}') without the calls of wake() and channel(), which cost as much as half an INSERT.
    IF wakes THEN
      tasks_channel := CASE WHEN octet_length(current_schema()) <= 48 THEN current_schema()::text ELSE md5(current_schema()) END
        || ':tasks';
      IF pg_try_advisory_xact_lock(hashtext(tasks_channel || ':default'), pg_backend_pid() & 3) THEN
        PERFORM pg_notify(tasks_channel, 'default');
      END IF;
    END IF;
    RETURN;
  ELSIF cardinality(unique_keys) = 0 THEN
    RETURN QUERY
    INSERT INTO task (queue, type, priority, ready, run_at, max_attempts, created_at, deadline, payload, headers, retry)
    SELECT coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.payload, u.headers, u.retry
    FROM unnest(types, payloads, queues, priorities, delays, run_ats, max_attempts, retries, headers, deadlines)
        AS u(type, payload, queue, priority, delay, run_at, max_attempts, retry, headers, deadline),
      LATERAL (SELECT greatest(coalesce(u.run_at, at + u.delay, at), at) AS due) AS d
    RETURNING id, true;
  ELSE
    -- Ids are drawn first: a task that is there already has another one.
    task_count := cardinality(types);
    ids := ARRAY(SELECT nextval('task_id_seq') FROM generate_series(1, task_count));
    -- Waits for a concurrent transaction that inserts the same key. Also skips a second task of one call with one key.
    INSERT INTO task (id, queue, type, priority, ready, run_at, max_attempts, created_at, deadline, unique_key, unique_period,
      payload, headers, retry)
    OVERRIDING SYSTEM VALUE
    SELECT u.id, coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.unique_key, u.unique_period, u.payload, u.headers, u.retry
    FROM unnest(ids, types, payloads, queues, priorities, delays, run_ats, unique_keys, unique_periods, max_attempts, retries,
        headers, deadlines)
        AS u(id, type, payload, queue, priority, delay, run_at, unique_key, unique_period, max_attempts, retry, headers,
          deadline),
      LATERAL (SELECT greatest(coalesce(u.run_at, at + u.delay, at), at) AS due) AS d
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
    GET DIAGNOSTICS stored_count = ROW_COUNT;
    stored := ids;
    IF stored_count < task_count THEN
      stored := ARRAY(SELECT CASE WHEN EXISTS (SELECT FROM task t WHERE t.id = u.id) THEN u.id END
        FROM unnest(ids) WITH ORDINALITY AS u(id, ord) ORDER BY u.ord);
      FOR item IN
        SELECT u.*, coalesce(u.queue, 'default') AS lane, greatest(coalesce(u.run_at, at + u.delay, at), at) AS due
        FROM unnest(ids, types, payloads, queues, priorities, delays, run_ats, unique_keys, unique_modes, unique_periods,
            max_attempts, retries, headers, deadlines)
          WITH ORDINALITY AS u(id, type, payload, queue, priority, delay, run_at, unique_key, unique_mode, unique_period,
            max_attempts, retry, headers, deadline, ord)
        WHERE stored[u.ord] IS NULL ORDER BY u.ord
      LOOP
        round := 0;
        LOOP
          IF coalesce(item.unique_mode, 'keepExisting') = 'keepExisting' THEN
            -- No lock: a duplicate must not hold up the outcome of the task that is there.
            SELECT t.id, t.finished_at, t.run_at, t.lease_token INTO existing FROM task t
            WHERE t.queue = item.lane AND t.unique_key = item.unique_key;
          ELSE
            SELECT t.id, t.finished_at, t.run_at, t.lease_token INTO existing FROM task t
            WHERE t.queue = item.lane AND t.unique_key = item.unique_key FOR UPDATE;
          END IF;
          IF FOUND AND existing.finished_at IS NOT NULL AND existing.run_at <= at THEN
            DELETE FROM task t WHERE t.id = existing.id;
          ELSIF FOUND THEN
            ids[item.ord] := existing.id;
            IF existing.finished_at IS NULL AND item.unique_mode = 'replace' THEN
              UPDATE task t SET type = item.type, payload = item.payload, headers = item.headers, retry = item.retry,
                priority = coalesce(item.priority, 100), max_attempts = nullif(item.max_attempts, 0),
                deadline = item.deadline, unique_period = item.unique_period, rerun = t.lease_token IS NOT NULL,
                run_at = CASE WHEN t.lease_token IS NULL THEN item.due ELSE t.run_at END,
                ready = t.lease_token IS NOT NULL OR item.due <= at
              WHERE t.id = existing.id;
            ELSIF existing.finished_at IS NULL AND item.unique_mode = 'coalesce' THEN
              -- A token means: somebody may still settle this attempt, even if its lease is over.
              UPDATE task t SET rerun = t.lease_token IS NOT NULL,
                run_at = CASE WHEN t.lease_token IS NULL THEN least(t.run_at, item.due) ELSE t.run_at END,
                ready = t.ready OR item.due <= at
              WHERE t.id = existing.id
                AND (t.lease_token IS NOT NULL AND NOT t.rerun OR t.lease_token IS NULL AND item.due < t.run_at);
            END IF;
            EXIT;
          END IF;
          INSERT INTO task (id, queue, type, priority, ready, run_at, max_attempts, created_at, deadline, unique_key,
            unique_period, payload, headers, retry)
          OVERRIDING SYSTEM VALUE
          VALUES (item.id, item.lane, item.type, coalesce(item.priority, 100), item.due <= at, item.due,
            nullif(item.max_attempts, 0), at, item.deadline, item.unique_key, item.unique_period, item.payload,
            item.headers, item.retry)
          ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
          IF FOUND THEN
            stored[item.ord] := item.id;
            EXIT;
          END IF;
          round := round + 1;
          IF round >= 100 THEN
            RAISE EXCEPTION 'the unique key''s task keeps changing' USING ERRCODE = 'serialization_failure',
              HINT = 'Try the transaction again.';
          END IF;
        END LOOP;
      END LOOP;
    END IF;
    RETURN QUERY SELECT u.id, u.stored IS NOT NULL FROM unnest(ids, stored) AS u(id, stored);
  END IF;
  IF wakes THEN
    PERFORM wake(ARRAY(
      SELECT DISTINCT coalesce(u.queue, 'default')
      FROM unnest(types, queues, delays, run_ats) AS u(type, queue, delay, run_at)
      WHERE coalesce(u.run_at, at + u.delay, at) <= at));
  END IF;
END $$;

-- Enqueues one task in the caller's transaction and returns its id: from psql, a trigger, any language.
--   SELECT taskqueue.enqueue('receipt.send', '{"orderID": 7}', delay => '5 minutes');
--   SELECT taskqueue.enqueue('receipt.send', json_build_object('orderID', id)) FROM orders WHERE …;
CREATE FUNCTION enqueue(
  type text, payload json, queue text DEFAULT 'default', priority int DEFAULT 100, delay interval DEFAULT NULL,
  run_at timestamptz DEFAULT NULL, unique_key text DEFAULT NULL, unique_mode text DEFAULT 'keepExisting',
  unique_period interval DEFAULT NULL, max_attempts int DEFAULT NULL, headers json DEFAULT NULL,
  deadline timestamptz DEFAULT NULL, wakes boolean DEFAULT true
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  problem text := CASE
    WHEN type IS NULL OR octet_length(type) NOT BETWEEN 1 AND 128 OR type ~ '[\x01-\x1f\x7f]'
      THEN 'a task type must have 1 to 128 bytes and no control characters'
    WHEN queue IS NULL OR octet_length(queue) NOT BETWEEN 1 AND 128 OR queue ~ '[\x01-\x1f\x7f]'
      THEN 'a queue name must have 1 to 128 bytes and no control characters'
    WHEN payload IS NULL THEN 'the payload must not be NULL; for none use ''{}'''
    WHEN octet_length(payload::text) > 4194304 THEN 'the payload must be at most 4194304 bytes; store a reference instead'
    WHEN priority IS NULL OR priority NOT BETWEEN -32768 AND 32767 THEN 'a priority must be in -32768 … 32767 (lower runs first)'
    WHEN delay IS NOT NULL AND run_at IS NOT NULL THEN 'give either a delay or run_at, not both'
    WHEN delay > interval '100 years' THEN 'a delay must be at most 100 years'
    WHEN octet_length(unique_key) NOT BETWEEN 1 AND 256 OR unique_key ~ '[\x01-\x1f\x7f]'
      THEN 'a unique key must have 1 to 256 bytes and no control characters'
    WHEN unique_mode IS NULL OR unique_mode NOT IN ('keepExisting', 'replace', 'coalesce')
      THEN 'unique_mode must be keepExisting, replace or coalesce'
    WHEN unique_period IS NOT NULL AND unique_key IS NULL THEN 'unique_period needs a unique_key'
    WHEN unique_period <= interval '0' OR unique_period > interval '100 years'
      THEN 'unique_period must be above zero and at most 100 years'
    WHEN max_attempts NOT BETWEEN 1 AND 1000000 THEN 'max_attempts must be in 1 … 1000000'
    WHEN json_typeof(headers) <> 'object' THEN 'headers must be a JSON object of strings'
    WHEN octet_length(headers::text) > 16384 THEN 'headers must be at most 16384 bytes'
  END;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF queue = 'default' AND priority = 100 AND num_nonnulls(delay, run_at, unique_key, max_attempts, headers, deadline) = 0 THEN
    RETURN (
      SELECT task_id FROM enqueue_many(
        ARRAY[type], ARRAY[payload], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', wakes));
  END IF;
  RETURN (
    SELECT task_id FROM enqueue_many(
      ARRAY[type], ARRAY[payload], ARRAY[queue], ARRAY[priority], ARRAY[delay], ARRAY[run_at],
      CASE WHEN unique_key IS NULL THEN '{}' ELSE ARRAY[unique_key] END, ARRAY[unique_mode], ARRAY[unique_period],
      ARRAY[max_attempts], '{}', ARRAY[headers], ARRAY[deadline], wakes));
END $$;

-- Makes due tasks ready, at most max_count, of those due after a time up to which all have been made ready before.
-- next_due_in: in how many seconds the next one is due, NULL if none waits, 0 if there may be more now. promoted_from: the
-- oldest due time made ready. promoted_until: all that was due then is ready; NULL if there may be more.
CREATE FUNCTION promote(
  max_count int, due_after timestamptz DEFAULT '-infinity',
  OUT next_due_in float8, OUT promoted_from timestamptz, OUT promoted_until timestamptz
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
DECLARE
  at timestamptz := clock_timestamp();
BEGIN
  WITH promoted AS (
    UPDATE task SET ready = true
    WHERE ctid = ANY (ARRAY(
      SELECT t.ctid FROM task t
      WHERE NOT t.ready AND t.finished_at IS NULL AND t.run_at > due_after AND t.run_at <= at
      ORDER BY t.run_at LIMIT max_count FOR UPDATE SKIP LOCKED))
    RETURNING run_at
  )
  SELECT min(p.run_at), CASE WHEN count(*) < max_count THEN at END INTO promoted_from, promoted_until FROM promoted p;
  IF promoted_until IS NULL THEN
    next_due_in := 0;
  ELSE
    SELECT extract(epoch FROM t.run_at - at)::float8 INTO next_due_in FROM task t
    WHERE NOT t.ready AND t.finished_at IS NULL AND t.run_at > at
    ORDER BY t.run_at LIMIT 1;
  END IF;
END $$;

-- Claims due tasks: first up to a fair share of each queue, then, if some had less, the rest from those that have more.
-- SKIP LOCKED: never waits. The rows come in no order. No task is added once the payloads have max_bytes (per turn).
--
-- Where to look: queue n has the ranges first_ranges[n] to last_ranges[n] of the range_… arrays, in ascending order; a range
-- begins after (priority, run_at, id) and ends before a priority. Without ranges everything is looked at, which steps over
-- what is held, of other types, or dead and not vacuumed yet; a worker that remembers how far it has come does not. With
-- rescans everything is looked at by one at a time of those who claim from the same queues and types. With ready_from
-- nothing due from then on is left out: promote has just made it ready.
CREATE FUNCTION claim(
  queues text[], types text[], max_count int, max_bytes bigint, lease interval,
  first_ranges int[] DEFAULT NULL, last_ranges int[] DEFAULT NULL,
  range_priorities int[] DEFAULT '{-32769}', range_run_ats timestamptz[] DEFAULT '{-infinity}',
  range_ids bigint[] DEFAULT '{0}', range_ends int[] DEFAULT '{32768}', rescans boolean DEFAULT false,
  ready_from timestamptz DEFAULT NULL
)
RETURNS TABLE (
  id bigint, token bigint, queue text, type text, priority int, payload json, headers json, attempt int, failures int,
  crashes int, max_attempts int, retry json, deadline timestamptz, created_at timestamptz, run_at timestamptz,
  claimed_at timestamptz, cancel_requested boolean
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  -- 64 bits of a cryptographically random UUID; hashed with the id they make the token. One UUID per row costs 2 µs.
  salt bigint := uuid_hash_extended(gen_random_uuid(), 0);
  remaining int := max_count;
  share int := greatest(1, ceil(max_count::float8 / greatest(1, cardinality(queues)))::int);
  claimed tid[];
  bytes bigint;
  found_count int;
BEGIN
  IF rescans AND pg_try_advisory_xact_lock(hashtextextended(concat_ws(':', current_schema(), 'rescan',
    (SELECT string_agg(q, ',' ORDER BY q) FROM unnest(queues) AS q),
    (SELECT string_agg(y, ',' ORDER BY y) FROM unnest(types) AS y)), 0))
  THEN
    first_ranges := NULL;
    range_priorities := '{-32769}';
    range_run_ats := '{-infinity}';
    range_ids := '{0}';
    range_ends := '{32768}';
  END IF;
  IF ready_from IS NOT NULL THEN
    range_ids := ARRAY(SELECT CASE WHEN r.run_at < ready_from THEN r.id ELSE 0 END
      FROM unnest(range_run_ats, range_ids) WITH ORDINALITY AS r(run_at, id, place) ORDER BY r.place);
    range_run_ats := ARRAY(SELECT least(r.run_at, ready_from)
      FROM unnest(range_run_ats) WITH ORDINALITY AS r(run_at, place) ORDER BY r.place);
  END IF;
  IF first_ranges IS NULL THEN
    first_ranges := array_fill(1, ARRAY[cardinality(queues)]);
    last_ranges := first_ranges;
  END IF;
  IF EXISTS (SELECT FROM paused_queue) THEN
    SELECT coalesce(array_agg(q.name), '{}'), array_agg(q.first), array_agg(q.last)
    INTO queues, first_ranges, last_ranges
    FROM unnest(queues, first_ranges, last_ranges) AS q(name, first, last)
    WHERE NOT EXISTS (SELECT FROM paused_queue p WHERE p.queue = q.name);
  END IF;
  LOOP
    SELECT array_agg(c.ctid), sum(c.bytes) INTO claimed, bytes
    FROM (
      SELECT c.ctid, c.bytes
      FROM unnest(queues, first_ranges, last_ranges) AS q(name, first, last)
      CROSS JOIN LATERAL (
        SELECT w.ctid, w.bytes
        FROM unnest(range_priorities[q.first:q.last], range_run_ats[q.first:q.last], range_ids[q.first:q.last],
          range_ends[q.first:q.last]) AS r(priority, run_at, id, before)
        CROSS JOIN LATERAL (
          SELECT w.ctid, octet_length(w.payload::text) AS bytes FROM task w
          WHERE w.ready AND w.queue = q.name AND (w.priority, w.run_at, w.id) > (r.priority, r.run_at, r.id)
            AND w.priority < r.before AND w.lease_until <= at AND w.run_at <= at AND w.type = ANY (types)
          ORDER BY w.priority, w.run_at, w.id LIMIT share FOR UPDATE SKIP LOCKED
        ) AS w
        LIMIT share
      ) AS c
      LIMIT remaining
    ) AS c;
    IF bytes > max_bytes THEN
      SELECT array_agg(b.ctid) INTO claimed
      FROM (
        SELECT t.ctid, sum(octet_length(t.payload::text))
          OVER (ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
        FROM unnest(claimed) WITH ORDINALITY AS c(ctid, place) JOIN task t ON t.ctid = c.ctid
      ) AS b
      WHERE b.bytes_before IS NULL OR b.bytes_before < max_bytes;
    END IF;
    -- A Tid Scan of rows that are locked above.
    RETURN QUERY
    UPDATE task AS t SET lease_until = at + lease, lease_token = hashint8extended(t.id, salt),
      attempt = t.attempt + 1, crashes = t.crashes + (t.lease_until <> '-infinity')::int
    WHERE t.ctid = ANY (claimed)
    RETURNING t.id, t.lease_token, t.queue::text, t.type::text, t.priority::int, t.payload::json, t.headers::json,
      t.attempt, t.failures, t.crashes, t.max_attempts::int, t.retry, t.deadline, t.created_at, t.run_at, at,
      t.cancel_requested;
    GET DIAGNOSTICS found_count = ROW_COUNT;
    remaining := remaining - found_count;
    EXIT WHEN remaining <= 0 OR found_count < share OR share >= max_count;
    share := max_count;
  END LOOP;
END $$;

-- Completes tasks if the token still holds them, whether or not the lease is over. Returns the tokens it
-- was applied to (not ids: one call may bring a stale and a fresh claim of one task).
CREATE FUNCTION settle_complete(ids bigint[], tokens bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  settled int;
BEGIN
  RETURN QUERY
  DELETE FROM task t USING unnest(ids, tokens) AS u(id, token)
  WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NULL
  RETURNING u.token;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    RETURN QUERY
    UPDATE task t SET ready = false, run_at = at + t.unique_period, finished_at = at, lease_until = '-infinity',
      lease_token = NULL, cancel_requested = false, payload = '{}', headers = NULL, errors = NULL
    FROM unnest(ids, tokens) AS u(id, token)
    WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun AND t.unique_period IS NOT NULL
    RETURNING u.token;
    RETURN QUERY SELECT settle_rerun(ids, tokens, '{}');
  END IF;
END $$;

-- Starts tasks afresh that were marked to run once more.
CREATE FUNCTION settle_rerun(ids bigint[], tokens bigint[], failure_list json[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
BEGIN
  RETURN QUERY
  UPDATE task t SET ready = true, run_at = clock_timestamp(), lease_until = '-infinity', lease_token = NULL, attempt = 0,
    failures = 0, crashes = 0, rerun = false, cancel_requested = false, errors = error_history(t.errors, u.failure)
  FROM unnest(ids, tokens, failure_list) AS u(id, token, failure)
  WHERE t.id = u.id AND t.lease_token = u.token AND t.rerun
  RETURNING u.token;
END $$;

-- Ends attempts in every way but completion; same fence. A NULL delay keeps the due time (a task handed back unharmed).
CREATE FUNCTION settle(
  ids bigint[], tokens bigint[], delays interval[], returns_attempts boolean[], failure_list json[], reasons text[],
  details text[], wakes boolean
) RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  settled int;
BEGIN
  RETURN QUERY
  UPDATE task t SET
    ready = coalesce(u.delay <= interval '0', true),
    run_at = CASE WHEN u.delay IS NULL THEN t.run_at ELSE at + greatest(u.delay, interval '0') END,
    lease_until = '-infinity', lease_token = NULL,
    attempt = t.attempt - coalesce(u.returns_attempt, false)::int,
    failures = t.failures + (u.failure IS NOT NULL)::int,
    errors = error_history(t.errors, u.failure)
  FROM unnest(ids, tokens, delays, returns_attempts, failure_list, reasons)
    AS u(id, token, delay, returns_attempt, failure, reason)
  WHERE t.id = u.id AND t.lease_token = u.token AND u.reason IS NULL AND NOT t.rerun AND NOT t.cancel_requested
  RETURNING u.token;
  GET DIAGNOSTICS settled = ROW_COUNT;
  IF settled < cardinality(ids) THEN
    RETURN QUERY
    WITH gone AS (
      DELETE FROM task t
      USING unnest(ids, tokens, failure_list, reasons, details) AS u(id, token, failure, reason, detail)
      WHERE t.id = u.id AND t.lease_token = u.token AND NOT t.rerun
      RETURNING u.token, t.id, t.queue, t.type, t.priority, t.attempt,
        t.failures + (u.failure IS NOT NULL)::int AS failures, t.crashes, t.max_attempts, t.created_at, t.deadline,
        t.unique_key, t.unique_period,
        CASE WHEN t.cancel_requested THEN 'cancelled' ELSE u.reason END AS reason,
        CASE WHEN t.cancel_requested THEN NULL ELSE u.detail END AS detail,
        t.payload, t.headers, t.retry, error_history(t.errors, u.failure) AS errors
    ), dead AS (
      INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, max_attempts, created_at, deadline,
        unique_key, unique_period, died_at, reason, detail, payload, headers, retry, errors)
      SELECT g.id, g.queue, g.type, g.priority, g.attempt, g.failures, g.crashes, g.max_attempts, g.created_at, g.deadline,
        g.unique_key, g.unique_period, at, g.reason, g.detail, g.payload, g.headers, g.retry, g.errors
      FROM gone g
    )
    SELECT g.token FROM gone g;
    -- Last: a mark that came while the statements above waited for its row's lock counts too.
    RETURN QUERY SELECT settle_rerun(ids, tokens, failure_list);
  END IF;
  IF wakes AND (settled < cardinality(ids) OR EXISTS (SELECT FROM unnest(delays, reasons) AS u(delay, reason)
    WHERE u.reason IS NULL AND coalesce(u.delay, interval '0') <= interval '0'))
  THEN
    PERFORM wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (ids) AND t.ready AND t.lease_token IS NULL));
  END IF;
END $$;

-- The history with one error more, cut to the last 10.
CREATE FUNCTION error_history(history jsonb, failure json) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN failure IS NULL THEN history
    WHEN history IS NULL THEN jsonb_build_array(failure)
    WHEN jsonb_array_length(history) >= 10 THEN (history - 0) || jsonb_build_array(failure)
    ELSE history || jsonb_build_array(failure)
  END
$$;

-- Extends leases; returns the tokens that still hold. A row locked by somebody is left alone but counts as held: it is being
-- settled, perhaps in a handler's long transaction, and nobody can claim it meanwhile. Waiting for it would let the other
-- leases run out.
CREATE FUNCTION renew(ids bigint[], tokens bigint[], lease interval, OUT held_token bigint, OUT cancels boolean)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
  UPDATE task t SET lease_until = clock_timestamp() + lease
  WHERE t.ctid = ANY (ARRAY(
    SELECT h.ctid FROM unnest(ids, tokens) AS u(id, token) JOIN task h ON h.id = u.id AND h.lease_token = u.token
    FOR UPDATE OF h SKIP LOCKED));
  RETURN QUERY
  SELECT u.token, t.cancel_requested FROM unnest(ids, tokens) AS u(id, token)
  JOIN task t ON t.id = u.id AND t.lease_token = u.token;
END $$;

-- Cancels a waiting task or asks the holder of a running one to stop: 'cancelled', 'requested', 'finished' or 'unknown'.
CREATE FUNCTION cancel(task_id bigint) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  found_task record;
BEGIN
  SELECT t.finished_at, t.lease_until, t.cancel_requested INTO found_task FROM task t WHERE t.id = task_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN (SELECT CASE WHEN task_id >= 1 AND is_called AND task_id <= last_value THEN 'finished' ELSE 'unknown' END
      FROM task_id_seq);
  ELSIF found_task.finished_at IS NOT NULL THEN
    RETURN 'finished';
  ELSIF found_task.lease_until > at THEN
    -- What was asked for before the cancellation is cancelled with it.
    UPDATE task t SET cancel_requested = true, rerun = false
    WHERE t.id = task_id AND (t.rerun OR NOT t.cancel_requested);
    PERFORM pg_notify(channel('cancels'), task_id::text);
    RETURN 'requested';
  END IF;
  WITH gone AS (DELETE FROM task t WHERE t.id = task_id RETURNING t.*)
  INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, max_attempts, created_at, deadline,
    unique_key, unique_period, died_at, reason, payload, headers, retry, errors)
  SELECT g.id, g.queue, g.type, g.priority, g.attempt, g.failures, g.crashes, g.max_attempts, g.created_at, g.deadline,
    g.unique_key, g.unique_period, at, 'cancelled', g.payload, g.headers, g.retry, g.errors
  FROM gone g;
  RETURN 'cancelled';
END $$;

-- Makes a waiting task due at once if it still has that attempt count and no worker holds it.
CREATE FUNCTION run_now(task_id bigint, expected_attempt int) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  at timestamptz := clock_timestamp();
  lane text;
BEGIN
  UPDATE task t SET ready = true, run_at = least(t.run_at, at)
  WHERE t.id = task_id AND t.attempt = expected_attempt AND t.finished_at IS NULL AND t.lease_until <= at
  RETURNING t.queue INTO lane;
  IF lane IS NULL THEN
    RETURN false;
  END IF;
  PERFORM wake(ARRAY[lane]);
  RETURN true;
END $$;

CREATE FUNCTION pause_queue(queue_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  INSERT INTO paused_queue (queue) VALUES (queue_name) ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION resume_queue(queue_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  DELETE FROM paused_queue WHERE queue = queue_name;
  SELECT wake(ARRAY[queue_name])
$$;

-- Deletes older waiting tasks of one type with the same value of a top-level property. The property becomes a literal of
-- the statement, so that an index which the app may create on task (type, (payload ->> 'property')) is used. A payload with
-- an escaped NUL is valid json, but ->> fails on it; then a second, slower way leaves such tasks out.
CREATE FUNCTION delete_duplicates(older_than bigint, task_type text, property text, value text, minimum_priority int)
RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  statement text := 'DELETE FROM task WHERE id = ANY (ARRAY(
    SELECT t.id FROM task t
    WHERE t.type = $1 AND t.id < $2 AND t.priority >= $3 AND %s = $4
      AND t.finished_at IS NULL AND t.lease_until <= clock_timestamp()
    FOR UPDATE SKIP LOCKED))';
  deleted bigint;
BEGIN
  BEGIN
    EXECUTE format(statement, format('t.payload ->> %L', property))
    USING task_type, older_than, minimum_priority, value;
    GET DIAGNOSTICS deleted = ROW_COUNT;
  EXCEPTION WHEN untranslatable_character THEN
    EXECUTE format(
      statement,
      format('CASE WHEN strpos(t.payload::text, ''\u0000'') = 0 THEN t.payload ->> %L END', property))
    USING task_type, older_than, minimum_priority, value;
    GET DIAGNOSTICS deleted = ROW_COUNT;
  END;
  RETURN deleted;
END $$;

-- Makes dead letters live again under their ids, oldest first. One whose unique key is taken stays dead.
CREATE FUNCTION redrive(ids bigint[], task_type text, older_than interval, max_count int, wakes boolean)
RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  picked bigint[];
  revived bigint[];
BEGIN
  picked := ARRAY(
    SELECT d.id FROM dead_task d
    WHERE (ids IS NULL OR d.id = ANY (ids)) AND (task_type IS NULL OR d.type = task_type)
      AND (older_than IS NULL OR d.died_at <= at - older_than)
      AND NOT EXISTS (
        SELECT FROM task t WHERE t.queue = d.queue AND t.unique_key = d.unique_key
          AND NOT (t.finished_at IS NOT NULL AND t.run_at <= at))
    ORDER BY d.id LIMIT max_count FOR UPDATE SKIP LOCKED);
  DELETE FROM task t USING dead_task d
  WHERE d.id = ANY (picked) AND t.queue = d.queue AND t.unique_key = d.unique_key AND t.finished_at IS NOT NULL
    AND t.run_at <= at;
  WITH alive AS (
    -- Without its deadline: somebody wants it run all the same.
    INSERT INTO task (id, queue, type, priority, run_at, max_attempts, created_at, unique_key, unique_period,
      payload, headers, retry, errors)
    OVERRIDING SYSTEM VALUE
    SELECT d.id, d.queue, d.type, d.priority, at, d.max_attempts, d.created_at, d.unique_key, d.unique_period,
      d.payload, d.headers, d.retry, d.errors
    FROM dead_task d WHERE d.id = ANY (picked) ORDER BY d.id
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id, queue
  ), gone AS (
    DELETE FROM dead_task d USING alive a WHERE d.id = a.id RETURNING d.id
  )
  SELECT array_agg(id ORDER BY id) INTO revived FROM gone;
  IF wakes AND revived IS NOT NULL THEN
    PERFORM wake(ARRAY(SELECT DISTINCT t.queue FROM task t WHERE t.id = ANY (revived)));
  END IF;
  RETURN QUERY SELECT unnest(revived);
END $$;

INSERT INTO migration (version, name) VALUES (1, 'task_queue');
