-- One snapshot (STABLE), each look by an index, each count bounded. Sentences and details are those of TaskExplanation, which reads the
-- details; instants there are seconds since 1970.
CREATE OR REPLACE FUNCTION explain(
  task_id bigint, OUT cause text, OUT sentence text, OUT until timestamptz, OUT details json
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  iso CONSTANT text := 'YYYY-MM-DD"T"HH24:MI:SS"Z"';
  -- Nothing is counted further.
  most CONSTANT int := 1000;
  t task;
  d dead_task;
  r limit_rule;
  other record;
  error text;
  names text[];
  known_types text[];
  serving int;
  place int;
  weight int;
  stamp timestamptz;
  taken int;
  waits boolean := false;
  sleeps boolean := false;
  is_silent boolean := true;
  found_count int;
BEGIN
  SELECT * INTO t FROM task x WHERE x.id = task_id;
  IF NOT FOUND THEN
    -- Planned anew: a plan made on few dead letters may read another index from end to end.
    EXECUTE 'SELECT * FROM dead_task WHERE id = $1' INTO d USING task_id;
    IF d.id IS NOT NULL THEN
      error := d.errors -> -1 ->> 'message';
      RETURN QUERY SELECT 'dead',
        format('It is a dead letter (%s) since %s%s%s. It stays until it is retried or purged.', d.reason, to_char(d.died_at, iso),
          ': ' || rtrim(d.detail, ' .'), '; the last error: ' || rtrim(error, ' .')),
        NULL::timestamptz,
        json_build_object('reason', d.reason, 'detail', d.detail, 'error', error, 'at', extract(epoch FROM d.died_at));
      RETURN;
    END IF;
    EXECUTE 'SELECT done_at, expires_at FROM done WHERE id = $1 AND expires_at > $2 ORDER BY done_at DESC LIMIT 1' INTO other USING task_id, at;
    GET DIAGNOSTICS found_count = ROW_COUNT;
    IF found_count > 0 THEN
      RETURN QUERY SELECT 'done', format('It completed at %s, and is kept until %s.', to_char(other.done_at, iso), to_char(other.expires_at, iso)),
        other.expires_at::timestamptz, json_build_object('at', extract(epoch FROM other.done_at));
    ELSIF _was_enqueued(task_id) THEN
      RETURN QUERY SELECT 'gone',
        'Nothing is left of it: it completed, or was deleted or purged, or the transaction that enqueued it did not commit (yet).',
        NULL::timestamptz, '{}'::json;
    ELSE
      RETURN QUERY SELECT 'unknown', 'There never was a task with this id.', NULL::timestamptz, '{}'::json;
    END IF;
    RETURN;
  END IF;
  IF t.finished_at IS NOT NULL THEN
    RETURN QUERY SELECT 'finished', format('It completed; it is kept because its unique key counts until %s.', to_char(t.due_at, iso)),
      t.due_at, '{}'::json;
    RETURN;
  END IF;

  error := t.errors -> -1 ->> 'message';
  SELECT coalesce(array_agg(w.name ORDER BY w.name) FILTER (WHERE t.type = ANY (w.types)), '{}'), count(*) INTO names, serving
  FROM worker w WHERE t.queue = ANY (w.queues) AND w.seen_at > at - interval '2 min';

  IF t.lease_until > at THEN
    -- Workers report what they have run for long; the last one to say so has it.
    SELECT w.name, to_timestamp((h ->> 'since')::float8) AS since, w.seen_at INTO other FROM worker w, jsonb_path_query(w.held,
      '$[*] ? (@.task == $task && @.attempt == $attempt && @.since.abs() < 1e11)', jsonb_build_object('task', t.id, 'attempt', t.attempt), true) AS h
    WHERE w.seen_at > at - interval '2 min'
    ORDER BY (h ->> 'since')::float8 DESC, w.name, w.id LIMIT 1;
    RETURN QUERY SELECT 'running',
      format('A worker runs attempt %s of it, and holds it until %s unless it renews that.%s', t.attempt, to_char(t.lease_until, iso),
        coalesce(' By its report of ' || to_char(other.seen_at, iso) || ' it is ' || other.name || ', since ' || to_char(other.since, iso) || '.',
          ' It is one of: ' || nullif(array_to_string(names[1:10], ', '), '') || '.')),
      t.lease_until, json_build_object('attempt', t.attempt, 'names', names[1:10], 'worker', CASE WHEN other.name IS NOT NULL THEN
        json_build_object('name', other.name, 'since', extract(epoch FROM other.since), 'seen', extract(epoch FROM other.seen_at)) END);
    IF t.cancel_requested THEN
      RETURN QUERY SELECT 'cancel_requested', 'Its cancellation was asked for, and its worker is told.', NULL::timestamptz,
        '{"isRunning": true}'::json;
    END IF;
    IF t.rerun THEN
      RETURN QUERY SELECT 'runs_again', 'It is marked to run once more after this attempt.', NULL::timestamptz, '{}'::json;
    END IF;
    RETURN;
  END IF;

  -- What it waits for.
  IF t.slot = 0 THEN
    waits := true;
    SELECT * INTO r FROM limit_rule x WHERE x.name = split_part(t.limit_key, '/', 1);
    IF r.is_paused THEN
      RETURN QUERY SELECT 'limit_paused', format('Its limit %s is paused.', r.name), NULL::timestamptz, json_build_object('line', t.limit_key);
    END IF;
    SELECT p.paused_until, p.next_at INTO other FROM limit_pace p WHERE p.limit_key = t.limit_key;
    IF other.paused_until > at THEN
      RETURN QUERY SELECT 'limit_closed', format('Its limit %s is paused until %s.', t.limit_key, to_char(other.paused_until, iso)),
        other.paused_until, json_build_object('line', t.limit_key);
    ELSIF r.gap IS NOT NULL THEN
      -- As _fill_at_rate admits the first one that is charged.
      SELECT x.weight INTO weight FROM (
        SELECT coalesce(x.weight, 1)::int AS weight, x.deadline FROM task x WHERE x.limit_key = t.limit_key AND x.slot = 0
        ORDER BY x.limit_key, (CASE WHEN x.is_ordered THEN 0 ELSE x.priority END), x.id LIMIT most) AS x
      WHERE (x.deadline <= at) IS NOT TRUE LIMIT 1;
      stamp := greatest(other.next_at, at - r.gap * (greatest(coalesce(r.operator_burst, r.burst), weight) - 1)) + r.gap * (weight - 1);
      IF stamp > at AND (t.deadline <= at) IS NOT TRUE THEN
        RETURN QUERY SELECT 'limit_rate', format('Its limit %s has a rate: it admits the next one at %s.', t.limit_key, to_char(stamp, iso)),
          stamp, json_build_object('line', t.limit_key);
      END IF;
    END IF;
    SELECT x.id INTO other FROM dead_task x WHERE x.limit_key = t.limit_key AND x.holds LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'limit_held',
        format('The dead letter %s holds up those behind it in its limit %s, until it is retried or purged.', other.id, t.limit_key),
        NULL::timestamptz, json_build_object('line', t.limit_key, 'task', other.id);
    END IF;
    SELECT x.id, x.due_at INTO other FROM task x
    WHERE x.limit_key = t.limit_key AND x.slot > 0 AND x.is_ordered AND NOT x.ready AND x.due_at > at LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'limit_waits',
        format('Its limit %s is ordered, and the task %s before it waits for its next attempt until %s.', t.limit_key, other.id,
          to_char(other.due_at, iso)),
        other.due_at, json_build_object('line', t.limit_key, 'task', other.id);
    END IF;
    SELECT count(*) INTO place FROM (
      SELECT FROM task x WHERE x.limit_key = t.limit_key AND x.slot = 0
        AND ((CASE WHEN x.is_ordered THEN 0 ELSE x.priority END), x.id) <= ((CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id)
      LIMIT most + 1) AS x;
    SELECT count(*) INTO taken FROM (SELECT FROM task x WHERE x.limit_key = t.limit_key AND x.slot > 0 LIMIT most) AS x;
    SELECT json_agg(json_build_object('task', h.id, 'until', extract(epoch FROM h.until)) ORDER BY h.slot) AS json,
      string_agg(format('task %s%s', h.id, ' until ' || to_char(h.until, iso)), ', ' ORDER BY h.slot) AS words INTO other
    FROM (
      SELECT x.id, x.slot, CASE WHEN x.lease_until > at AND isfinite(x.lease_until) THEN x.lease_until END AS until FROM task x
      WHERE x.limit_key = t.limit_key AND x.slot > 0 ORDER BY x.limit_key, x.slot LIMIT 10) AS h;
    RETURN QUERY SELECT 'limited',
      format('It waits in line for its limit %s, %s; %s of %s slots are taken%s.', t.limit_key,
        CASE WHEN place > most THEN 'behind more than 1000' ELSE 'in place ' || place END, taken,
        coalesce(r.operator_concurrency, r.concurrency), ': ' || other.words),
      NULL::timestamptz,
      json_build_object('line', t.limit_key, 'count', least(place, most), 'isMore', place > most, 'taken', taken,
        'slots', coalesce(r.operator_concurrency, r.concurrency), 'holders', other.json);
  ELSIF t.due_at > greatest(at, t.created_at) AND NOT (t.ready AND t.lease_until <> '-infinity') THEN
    waits := true;
    IF t.slot > 0 AND NOT t.is_ordered THEN
      RETURN QUERY SELECT 'limit_rate', format('Its limit %s has a rate, and has admitted it for %s.', t.limit_key, to_char(t.due_at, iso)),
        t.due_at, json_build_object('line', t.limit_key, 'isMore', true);
    ELSIF t.attempt = 0 THEN
      IF t.has_steps THEN
        FOR other IN
          SELECT s.name, s.until, e.event_key, g.id AS group_id, g.total, g.completed + g.failed AS ended
          FROM step s LEFT JOIN event_wait e ON e.task_id = t.id AND e.step_name = s.name
          LEFT JOIN task_group g ON g.id = CASE WHEN starts_with(e.event_key, '~ended/') THEN split_part(e.event_key, '/', 2)::bigint END
          WHERE s.task_id = t.id AND s.kind = 'wait' AND (s.until > at) IS NOT FALSE ORDER BY s.until, s.place LIMIT 10
        LOOP
          sleeps := true;
          IF other.event_key IS NULL THEN
            RETURN QUERY SELECT 'sleeping', format('Its step %s sleeps until %s.', other.name, to_char(other.until, iso)), other.until::timestamptz,
              json_build_object('step', other.name);
          ELSIF other.group_id IS NOT NULL THEN
            RETURN QUERY SELECT 'children', format('It waits for its children: %s of %s have ended%s.', other.ended, other.total,
                '; at most until ' || to_char(other.until, iso)),
              other.until::timestamptz, json_build_object('group', other.group_id, 'count', other.ended, 'total', other.total);
          ELSE
            RETURN QUERY SELECT 'event', format('It waits for the event %s%s.', other.event_key, ', at most until ' || to_char(other.until, iso)),
              other.until::timestamptz, json_build_object('event', other.event_key);
          END IF;
        END LOOP;
      END IF;
      -- As _make_group leaves those whose turn has not come.
      IF NOT sleeps AND t.group_id IS NOT NULL AND t.due_at > at + interval '50 years' THEN
        RETURN QUERY SELECT 'turn', CASE WHEN t.member = 0 THEN format('It waits until all others of the group %s have ended.', t.group_id)
          ELSE format('It waits for its turn in the group %s.', t.group_id) END,
          NULL::timestamptz, json_build_object('group', t.group_id, 'isMore', t.member = 0);
      ELSIF NOT sleeps THEN
        RETURN QUERY SELECT 'delayed', format('It is not to run before %s.', to_char(t.due_at, iso)), t.due_at, '{}'::json;
      END IF;
    ELSE
      RETURN QUERY SELECT 'retrying',
        format('It waits until %s for its next attempt, after %s.%s', to_char(t.due_at, iso), t.attempt, ' The last error: ' || rtrim(error, ' .') || '.'),
        t.due_at, json_build_object('attempt', t.attempt, 'error', error);
    END IF;
  END IF;

  -- What keeps every worker from it.
  SELECT p.paused_at INTO other FROM paused_queue p WHERE p.queue = t.queue;
  IF FOUND THEN
    is_silent := false;
    waits := true;
    RETURN QUERY SELECT 'queue_paused', format('Its queue %s is paused since %s.', t.queue, to_char(other.paused_at, iso)),
      NULL::timestamptz, json_build_object('queue', t.queue, 'at', extract(epoch FROM other.paused_at));
  END IF;
  IF names = '{}' THEN
    is_silent := false;
    waits := true;
    IF serving = 0 THEN
      RETURN QUERY SELECT 'no_worker', format('No worker serves its queue %s.', t.queue), NULL::timestamptz,
        json_build_object('queue', t.queue);
    ELSE
      RETURN QUERY SELECT 'no_worker_for_type',
        format('Workers serve its queue %s (%s), but none has a handler of its type %s.', t.queue, serving, t.type), NULL::timestamptz,
        json_build_object('queue', t.queue, 'type', t.type, 'count', serving);
    END IF;
  END IF;

  -- What becomes of it at the next claim.
  IF t.cancel_requested THEN
    is_silent := false;
    RETURN QUERY SELECT 'cancel_requested', 'Its cancellation was asked for: the next claim makes it a dead letter.', NULL::timestamptz,
      '{"isRunning": false}'::json;
  END IF;
  IF t.deadline <= at THEN
    is_silent := false;
    RETURN QUERY SELECT 'deadline_passed', format('Its deadline %s has passed: the claim that takes it makes it a dead letter.',
      to_char(t.deadline, iso)), t.deadline, '{}'::json;
  END IF;
  IF t.lease_until > 'epoch' THEN
    is_silent := false;
    RETURN QUERY SELECT 'lease_ended',
      format('The lease of attempt %s ended at %s without an outcome: the next claim takes it over.', t.attempt, to_char(t.lease_until, iso)),
      t.lease_until, json_build_object('attempt', t.attempt);
  END IF;
  IF t.rerun THEN
    RETURN QUERY SELECT 'runs_again', 'It is marked to run once more after this attempt.', NULL::timestamptz, '{}'::json;
  END IF;
  IF waits THEN
    RETURN;
  END IF;

  -- Those that the same workers take first. Among the first 10,000, some of which may be held.
  known_types := ARRAY(SELECT DISTINCT y FROM worker w, unnest(w.types) AS y
    WHERE t.queue = ANY (w.queues) AND t.type = ANY (w.types) AND w.seen_at > at - interval '2 min');
  SELECT count(*) INTO place FROM (
    SELECT FROM (
      SELECT x.lease_until, x.due_at, x.created_at, x.type FROM task x
      WHERE x.ready AND x.queue = t.queue AND (x.priority, x.due_at, x.id) < (t.priority, t.due_at, t.id)
      ORDER BY x.priority, x.due_at, x.id LIMIT 10000) AS x
    WHERE x.lease_until <= at AND (x.due_at <= greatest(at, x.created_at) OR x.lease_until <> '-infinity') AND x.type = ANY (known_types)
    LIMIT most + 1) AS x;
  IF place > 0 THEN
    RETURN QUERY SELECT 'behind', format('Due tasks of its queue that come before it: %s.', CASE WHEN place > most THEN 'more than 1000' ELSE place::text END),
      NULL::timestamptz, json_build_object('count', least(place, most), 'isMore', place > most);
  ELSIF is_silent THEN
    RETURN QUERY SELECT 'next', 'It is next: a worker takes it as soon as it has a free slot.', NULL::timestamptz, '{}'::json;
  END IF;
END $$;

COMMENT ON FUNCTION explain IS
  'Why a task does not run (or that it does): one row per cause, the one that counts most first, with a sentence for people, the instant
  until which it holds where one is known, and what the cause is about as JSON (instants as seconds since 1970). Every id has an answer.
  Stable: columns and causes keep their meaning in all versions of this schema; causes may be added. Reads 10,000 rows by index at most.';
