-- Stores tasks, in order; arrays are padded with NULL, so an option nobody uses is an empty array. One round trip and, for
-- tasks without unique keys, one statement. max_attempts 0 stands for NULL.
CREATE OR REPLACE FUNCTION _enqueue_many(
  types text[], payloads json[], queues text[], priorities int[], delays interval[], due_ats timestamptz[],
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
  IF NOT has_table_privilege('task'::regclass, 'INSERT') THEN
    RETURN QUERY SELECT * FROM _enqueue_as_owner(types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_modes,
      unique_periods, max_attempts, retries, headers, deadlines, wakes);
    RETURN;
  END IF;
  IF cardinality(queues) + cardinality(priorities) + cardinality(delays) + cardinality(due_ats) + cardinality(unique_keys)
    + cardinality(max_attempts) + cardinality(retries) + cardinality(headers) + cardinality(deadlines) = 0
  THEN
    -- The usual case, at the price of the bare INSERT. Rows get their ids, and are returned, in the order of the arrays:
    -- nothing between unnest and INSERT may reorder them.
    RETURN QUERY
    INSERT INTO task (type, due_at, created_at, payload)
    SELECT u.type, at, at, u.payload FROM unnest(types, payloads) AS u(type, payload)
    RETURNING id, true;
    -- _wake('{default}') without the calls of _wake() and _channel(), which cost as much as half an INSERT.
    IF wakes THEN
      tasks_channel := CASE WHEN octet_length(current_schema()) <= 48 THEN current_schema()::text ELSE md5(current_schema()) END
        || ':tasks';
      IF pg_try_advisory_xact_lock(hashtext(tasks_channel), (hashtext('default') & 255) * 4 + (pg_backend_pid() & 3))
        OR pg_try_advisory_xact_lock(hashtext(tasks_channel),
          1024 + (((hashtext('default') >> 8) + ((date_part('epoch', at) * 10)::bigint & 255)::int) & 255))
      THEN
        PERFORM pg_notify(tasks_channel, 'default');
      END IF;
    END IF;
    RETURN;
  ELSIF cardinality(unique_keys) = 0 THEN
    RETURN QUERY
    INSERT INTO task (queue, type, priority, ready, due_at, max_attempts, created_at, deadline, payload, headers, retry)
    SELECT coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.payload, u.headers, u.retry
    FROM unnest(types, payloads, queues, priorities, delays, due_ats, max_attempts, retries, headers, deadlines)
        AS u(type, payload, queue, priority, delay, due_at, max_attempts, retry, headers, deadline),
      LATERAL (SELECT greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due) AS d
    RETURNING id, true;
  ELSE
    -- Ids are drawn first: a task that is there already has another one.
    task_count := cardinality(types);
    ids := ARRAY(SELECT nextval('task_id_seq') FROM generate_series(1, task_count));
    -- Waits for a concurrent transaction that inserts the same key: in the order of the keys, as everywhere, so that two bulks do
    -- not wait for each other. Also skips a second task of one call with one key.
    INSERT INTO task (id, queue, type, priority, ready, due_at, max_attempts, created_at, deadline, unique_key, unique_period,
      payload, headers, retry)
    OVERRIDING SYSTEM VALUE
    SELECT u.id, coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.unique_key, u.unique_period, u.payload, u.headers, u.retry
    FROM unnest(ids, types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_periods, max_attempts, retries,
        headers, deadlines)
        WITH ORDINALITY AS u(id, type, payload, queue, priority, delay, due_at, unique_key, unique_period, max_attempts, retry,
          headers, deadline, ord),
      LATERAL (SELECT greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due) AS d
    ORDER BY coalesce(u.queue, 'default') COLLATE "C", u.unique_key COLLATE "C", u.ord
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
    GET DIAGNOSTICS stored_count = ROW_COUNT;
    stored := ids;
    IF stored_count < task_count THEN
      stored := ARRAY(SELECT CASE WHEN EXISTS (SELECT FROM task t WHERE t.id = u.id) THEN u.id END
        FROM unnest(ids) WITH ORDINALITY AS u(id, ord) ORDER BY u.ord);
      FOR item IN
        SELECT u.*, coalesce(u.queue, 'default') AS lane, greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due
        FROM unnest(ids, types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_modes, unique_periods,
            max_attempts, retries, headers, deadlines)
          WITH ORDINALITY AS u(id, type, payload, queue, priority, delay, due_at, unique_key, unique_mode, unique_period,
            max_attempts, retry, headers, deadline, ord)
        WHERE stored[u.ord] IS NULL
        ORDER BY coalesce(u.queue, 'default') COLLATE "C", u.unique_key COLLATE "C", u.ord
      LOOP
        round := 0;
        LOOP
          IF coalesce(item.unique_mode, 'keep_existing') = 'keep_existing' THEN
            -- No lock: a duplicate must not hold up the outcome of the task that is there.
            SELECT t.id, t.finished_at, t.due_at, t.lease_token INTO existing FROM task t
            WHERE t.queue = item.lane AND t.unique_key = item.unique_key;
          ELSE
            SELECT t.id, t.finished_at, t.due_at, t.lease_token INTO existing FROM task t
            WHERE t.queue = item.lane AND t.unique_key = item.unique_key FOR UPDATE;
          END IF;
          IF FOUND AND existing.finished_at IS NOT NULL AND existing.due_at <= at THEN
            DELETE FROM task t WHERE t.id = existing.id;
          ELSIF FOUND THEN
            ids[item.ord] := existing.id;
            IF existing.finished_at IS NULL AND item.unique_mode = 'replace' THEN
              UPDATE task t SET type = item.type, payload = item.payload, headers = item.headers, retry = item.retry,
                priority = coalesce(item.priority, 100), max_attempts = nullif(item.max_attempts, 0),
                deadline = item.deadline, unique_period = item.unique_period, rerun = t.lease_token IS NOT NULL,
                due_at = CASE WHEN t.lease_token IS NULL THEN item.due ELSE t.due_at END,
                ready = t.lease_token IS NOT NULL OR item.due <= at,
                lease_until = CASE WHEN t.lease_token IS NOT NULL THEN t.lease_until WHEN item.due <= at THEN 'epoch' ELSE '-infinity' END
              WHERE t.id = existing.id;
            ELSIF existing.finished_at IS NULL AND item.unique_mode = 'coalesce' THEN
              -- A token means: somebody may still settle this attempt, even if its lease is over.
              UPDATE task t SET rerun = t.lease_token IS NOT NULL,
                due_at = CASE WHEN t.lease_token IS NULL THEN least(t.due_at, item.due) ELSE t.due_at END,
                ready = t.ready OR item.due <= at,
                lease_until = CASE WHEN t.lease_token IS NULL AND item.due <= at THEN 'epoch' ELSE t.lease_until END
              WHERE t.id = existing.id
                AND (t.lease_token IS NOT NULL AND NOT t.rerun OR t.lease_token IS NULL AND item.due < t.due_at);
            END IF;
            EXIT;
          END IF;
          INSERT INTO task (id, queue, type, priority, ready, due_at, max_attempts, created_at, deadline, unique_key,
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
    PERFORM _wake(ARRAY(
      SELECT DISTINCT coalesce(u.queue, 'default')
      FROM unnest(types, queues, delays, due_ats) AS u(type, queue, delay, due_at)
      WHERE coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at) <= at));
  END IF;
END $$;
