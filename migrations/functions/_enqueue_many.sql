-- Stores tasks, in order; arrays are padded with NULL, so an option nobody uses is an empty array. One round trip and, for
-- tasks without unique keys, one statement. max_attempts 0 stands for NULL. limits: name/key,
-- and behind a control character the weight if it is not one. A limited task that is due goes in line:
-- it is admitted after the commit (_look), so that nobody waits for the end of another transaction to know which slots are free.
CREATE OR REPLACE FUNCTION _enqueue_many(
  types text[], payloads json[], queues text[], priorities int[], delays interval[], due_ats timestamptz[],
  unique_keys text[], unique_modes text[], unique_periods interval[], max_attempts int[], retries json[],
  headers json[], deadlines timestamptz[], wakes boolean, limits text[] DEFAULT '{}',
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
  unknown_limit text;
  weights int[] := '{}';
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'INSERT') THEN
    RETURN QUERY SELECT * FROM _enqueue_as_owner(types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_modes,
      unique_periods, max_attempts, retries, headers, deadlines, wakes, limits);
    RETURN;
  END IF;
  IF cardinality(queues) + cardinality(priorities) + cardinality(delays) + cardinality(due_ats) + cardinality(unique_keys)
    + cardinality(max_attempts) + cardinality(retries) + cardinality(headers) + cardinality(deadlines)
    + cardinality(limits) = 0
  THEN
    -- The usual case, at the price of the bare INSERT. Rows get their ids, and are returned, in the order of the arrays:
    -- nothing between the series and INSERT may reorder them. unnest would copy all of them twice.
    RETURN QUERY
    INSERT INTO task (type, due_at, created_at, payload)
    SELECT types[i], at, at, payloads[i] FROM (SELECT generate_series(1, greatest(cardinality(types), cardinality(payloads))) AS i) AS u
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
  END IF;
  IF cardinality(limits) > 0 THEN
    SELECT split_part(l, '/', 1) INTO unknown_limit FROM unnest(limits) AS l
    WHERE l IS NOT NULL AND NOT EXISTS (SELECT FROM limit_rule r WHERE r.name = split_part(l, '/', 1)) LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'TaskQueue: there is no limit %', quote_literal(unknown_limit) USING ERRCODE = 'TQ002',
        HINT = 'Declare it first: in the limits of a worker''s configuration, by the client''s limits, or by declare_limit.';
    END IF;
    weights := ARRAY(SELECT nullif(split_part(u.l, E'\x01', 2), '')::int FROM unnest(limits) WITH ORDINALITY AS u(l, ord) ORDER BY u.ord);
    limits := ARRAY(SELECT split_part(u.l, E'\x01', 1) FROM unnest(limits) WITH ORDINALITY AS u(l, ord) ORDER BY u.ord);
    -- In the same transaction as the tasks: see limit_look.
    INSERT INTO limit_look (limit_key, look_at)
    SELECT DISTINCT u.limit_key, at FROM unnest(types, delays, due_ats, limits) AS u(type, delay, due_at, limit_key)
    WHERE u.limit_key IS NOT NULL
      AND coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at) <= at;
  END IF;
  IF cardinality(unique_keys) = 0 THEN
    RETURN QUERY
    INSERT INTO task (queue, type, priority, ready, due_at, max_attempts, created_at, deadline, payload, headers, retry, limit_key, slot,
      is_ordered, weight)
    SELECT coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at AND u.limit_key IS NULL, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.payload, u.headers, u.retry, u.limit_key,
      CASE WHEN u.limit_key IS NOT NULL AND d.due <= at THEN 0 END,
      CASE WHEN u.limit_key IS NOT NULL THEN (SELECT r.is_ordered FROM limit_rule r WHERE r.name = split_part(u.limit_key, '/', 1)) END, u.weight
    FROM unnest(types, payloads, queues, priorities, delays, due_ats, max_attempts, retries, headers, deadlines, limits, weights)
        AS u(type, payload, queue, priority, delay, due_at, max_attempts, retry, headers, deadline, limit_key, weight),
      LATERAL (SELECT greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due) AS d
    RETURNING id, true;
  ELSE
    -- Ids are drawn first: a task that is there already has another one.
    task_count := cardinality(types);
    ids := ARRAY(SELECT nextval('task_id_seq') FROM generate_series(1, task_count));
    -- Waits for a concurrent transaction that inserts the same key: in the order of the keys, as everywhere, so that two bulks do
    -- not wait for each other. Also skips a second task of one call with one key.
    INSERT INTO task (id, queue, type, priority, ready, due_at, max_attempts, created_at, deadline, unique_key, unique_period,
      payload, headers, retry, limit_key, slot, is_ordered, weight)
    OVERRIDING SYSTEM VALUE
    SELECT u.id, coalesce(u.queue, 'default'), u.type, coalesce(u.priority, 100), d.due <= at AND u.limit_key IS NULL, d.due,
      nullif(u.max_attempts, 0), at, u.deadline, u.unique_key, u.unique_period, u.payload, u.headers, u.retry, u.limit_key,
      CASE WHEN u.limit_key IS NOT NULL AND d.due <= at THEN 0 END,
      CASE WHEN u.limit_key IS NOT NULL THEN (SELECT r.is_ordered FROM limit_rule r WHERE r.name = split_part(u.limit_key, '/', 1)) END, u.weight
    FROM unnest(ids, types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_periods, max_attempts, retries,
        headers, deadlines, limits, weights)
        WITH ORDINALITY AS u(id, type, payload, queue, priority, delay, due_at, unique_key, unique_period, max_attempts, retry,
          headers, deadline, limit_key, weight, ord),
      LATERAL (SELECT greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due) AS d
    ORDER BY coalesce(u.queue, 'default') COLLATE "C", u.unique_key COLLATE "C", u.ord
    ON CONFLICT (queue, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
    GET DIAGNOSTICS stored_count = ROW_COUNT;
    stored := ids;
    IF stored_count < task_count THEN
      stored := ARRAY(SELECT CASE WHEN EXISTS (SELECT FROM task t WHERE t.id = u.id) THEN u.id END
        FROM unnest(ids) WITH ORDINALITY AS u(id, ord) ORDER BY u.ord);
      FOR item IN
        SELECT u.*, (SELECT r.is_ordered FROM limit_rule r WHERE r.name = split_part(u.limit_key, '/', 1)) AS is_ordered,
          coalesce(u.queue, 'default') AS lane, greatest(coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at), at) AS due
        FROM unnest(ids, types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_modes, unique_periods,
            max_attempts, retries, headers, deadlines, limits, weights)
          WITH ORDINALITY AS u(id, type, payload, queue, priority, delay, due_at, unique_key, unique_mode, unique_period,
            max_attempts, retry, headers, deadline, limit_key, weight, ord)
        WHERE stored[u.ord] IS NULL
        ORDER BY coalesce(u.queue, 'default') COLLATE "C", u.unique_key COLLATE "C", u.ord
      LOOP
        round := 0;
        LOOP
          IF coalesce(item.unique_mode, 'keep_existing') = 'keep_existing' THEN
            -- No lock: a duplicate must not hold up the outcome of the task that is there.
            SELECT t.id, t.finished_at, t.due_at, t.lease_token, t.limit_key, t.slot INTO existing FROM task t
            WHERE t.queue = item.lane AND t.unique_key = item.unique_key;
          ELSE
            SELECT t.id, t.finished_at, t.due_at, t.lease_token, t.limit_key, t.slot INTO existing FROM task t
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
                ready = t.lease_token IS NOT NULL OR item.due <= at AND item.limit_key IS NULL,
                lease_until = CASE WHEN t.lease_token IS NOT NULL THEN t.lease_until WHEN item.due <= at THEN 'epoch' ELSE '-infinity' END,
                -- An attempt under way keeps its slot, and with it its limit.
                limit_key = CASE WHEN t.lease_token IS NULL THEN item.limit_key ELSE t.limit_key END,
                is_ordered = CASE WHEN t.lease_token IS NULL THEN item.is_ordered ELSE t.is_ordered END,
                weight = CASE WHEN t.lease_token IS NULL THEN item.weight ELSE t.weight END,
                slot = CASE WHEN t.lease_token IS NOT NULL THEN t.slot WHEN item.limit_key IS NOT NULL AND item.due <= at THEN 0 END
              WHERE t.id = existing.id;
              IF existing.lease_token IS NULL AND existing.slot > 0 THEN
                PERFORM _fill_later(ARRAY[existing.limit_key::text], wakes);
              END IF;
            ELSIF existing.finished_at IS NULL AND item.unique_mode = 'coalesce' THEN
              -- A token means: somebody may still settle this attempt, even if its lease is over.
              UPDATE task t SET rerun = t.lease_token IS NOT NULL,
                due_at = CASE WHEN t.lease_token IS NULL THEN least(t.due_at, item.due) ELSE t.due_at END,
                ready = (t.ready OR item.due <= at) AND (t.limit_key IS NULL OR coalesce(t.slot, 0) > 0),
                lease_until = CASE WHEN t.lease_token IS NULL AND item.due <= at THEN 'epoch' ELSE t.lease_until END,
                slot = CASE WHEN t.limit_key IS NOT NULL AND item.due <= at THEN coalesce(t.slot, 0) ELSE t.slot END
              WHERE t.id = existing.id
                AND (t.lease_token IS NOT NULL AND NOT t.rerun OR t.lease_token IS NULL AND item.due < t.due_at)
                -- One that is admitted for a moment to come stays.
                AND (t.ready OR t.is_ordered OR coalesce(t.slot, 0) = 0);
              IF existing.limit_key IS NOT NULL AND existing.lease_token IS NULL AND item.due <= at THEN
                INSERT INTO limit_look (limit_key, look_at) VALUES (existing.limit_key, at);
              END IF;
            END IF;
            EXIT;
          END IF;
          INSERT INTO task (id, queue, type, priority, ready, due_at, max_attempts, created_at, deadline, unique_key,
            unique_period, payload, headers, retry, limit_key, slot, is_ordered, weight)
          OVERRIDING SYSTEM VALUE
          VALUES (item.id, item.lane, item.type, coalesce(item.priority, 100), item.due <= at AND item.limit_key IS NULL, item.due,
            nullif(item.max_attempts, 0), at, item.deadline, item.unique_key, item.unique_period, item.payload,
            item.headers, item.retry, item.limit_key, CASE WHEN item.limit_key IS NOT NULL AND item.due <= at THEN 0 END,
            item.is_ordered, item.weight)
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
      SELECT DISTINCT CASE WHEN u.limit_key IS NULL THEN '' ELSE E'\x01' END || coalesce(u.queue, 'default')
      FROM unnest(types, queues, delays, due_ats, limits) AS u(type, queue, delay, due_at, limit_key)
      WHERE coalesce(u.due_at, at + least(greatest(u.delay, interval '0'), interval '100 years'), at) <= at));
  END IF;
END $$;
