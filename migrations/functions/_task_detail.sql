-- Everything about one task, live, dead or done, as a row of _list_tasks and JSON for what it has several of; no row: nothing is left of it. Payload,
-- result and the values of steps and effects only with_payload. Instants in JSON are seconds since 1970.
CREATE OR REPLACE FUNCTION _task_detail(
  task_id bigint, with_payload boolean,
  OUT id bigint, OUT queue text, OUT type text, OUT state text, OUT priority int, OUT attempt int, OUT failures int, OUT crashes int,
  OUT unique_key text, OUT limit_key text, OUT due_at timestamptz, OUT lease_until timestamptz, OUT created_at timestamptz,
  OUT ended_at timestamptz, OUT last_error text, OUT reason text, OUT is_flow boolean, OUT headers json, OUT payload json, OUT result json,
  OUT deadline timestamptz, OUT max_attempts int, OUT cancel_requested boolean, OUT runs_again boolean, OUT kept_until timestamptz,
  OUT errors json, OUT detail text, OUT steps json, OUT effects json, OUT parent_id bigint, OUT group_id bigint, OUT groups json,
  OUT children json, OUT workers json, OUT actions json, OUT explanation json
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
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
  t task;
  d dead_task;
  o record;
  own_groups bigint[];
BEGIN
  SELECT * INTO t FROM task x WHERE x.id = task_id;
  IF t.id IS NOT NULL THEN
    SELECT t.id, t.queue, t.type, CASE WHEN t.finished_at IS NOT NULL THEN 'finished' WHEN t.lease_until > at THEN 'running'
        WHEN t.slot = 0 THEN 'limited' WHEN t.due_at > at THEN 'waiting' ELSE 'due' END, t.priority, t.attempt, t.failures, t.crashes, t.unique_key,
      t.limit_key || coalesce(chr(1) || t.weight, ''), CASE WHEN t.finished_at IS NULL THEN t.due_at END,
      CASE WHEN t.lease_until > at THEN t.lease_until END, t.created_at, t.finished_at, t.headers, CASE WHEN with_payload THEN t.payload END,
      t.deadline, t.max_attempts, t.cancel_requested, t.rerun, CASE WHEN t.finished_at IS NOT NULL THEN t.due_at END, t.errors, t.group_id
    INTO id, queue, type, state, priority, attempt, failures, crashes, unique_key, limit_key, due_at, lease_until, created_at, ended_at, headers,
      payload, deadline, max_attempts, cancel_requested, runs_again, kept_until, errors, group_id;
  ELSE
    -- Planned anew: a plan made on few dead letters may read another index from end to end.
    EXECUTE 'SELECT * FROM dead_task WHERE id = $1' INTO d USING task_id;
    IF d.id IS NOT NULL THEN
      SELECT d.id, d.queue, d.type, 'dead', d.priority, d.attempt, d.failures, d.crashes, d.unique_key,
        d.limit_key || coalesce(chr(1) || d.weight, ''), d.created_at, d.died_at, d.reason, d.headers, CASE WHEN with_payload THEN d.payload END,
        d.deadline, d.max_attempts, d.errors, d.detail
      INTO id, queue, type, state, priority, attempt, failures, crashes, unique_key, limit_key, created_at, ended_at, reason, headers, payload,
        deadline, max_attempts, errors, detail;
    ELSE
      EXECUTE 'SELECT * FROM done WHERE id = $1 AND expires_at > $2 ORDER BY done_at DESC LIMIT 1' INTO o USING task_id, at;
      IF o.id IS NULL THEN
        RETURN;
      END IF;
      SELECT o.id, o.queue, o.type, 'done', 100, o.attempt, 0, 0, o.created_at, o.done_at, o.expires_at
      INTO id, queue, type, state, priority, attempt, failures, crashes, created_at, ended_at, kept_until;
    END IF;
  END IF;
  IF with_payload THEN
    EXECUTE 'SELECT result FROM done WHERE id = $1 AND expires_at > $2 ORDER BY done_at DESC LIMIT 1' INTO result USING task_id, at;
  END IF;
  IF json_typeof(errors) IS DISTINCT FROM 'array' THEN
    errors := NULL;
  END IF;
  last_error := left(coalesce(errors -> -1 ->> 'message', detail), 4096);
  is_flow := EXISTS (SELECT FROM step s WHERE s.task_id = id);
  cancel_requested := coalesce(cancel_requested, false);
  runs_again := coalesce(runs_again, false);

  -- As FlowJournalRows reads them.
  steps := (SELECT json_agg(json_build_array(s.name, s.kind, s.place, CASE WHEN with_payload THEN s.value::text END, NULL,
      CASE WHEN isfinite(s.until) THEN extract(epoch FROM s.until) END) ORDER BY s.place, s.name)
    FROM (SELECT * FROM step x WHERE x.task_id = id ORDER BY x.task_id, x.name LIMIT 1000) AS s);
  effects := (SELECT json_agg(json_build_object('type', e.task_type, 'name', e.name, 'key', e.key, 'state', e.state, 'contradicted', e.contradicted,
      'calls', e.calls, 'intendedAt', extract(epoch FROM e.intended_at), 'age', extract(epoch FROM at - e.intended_at),
      'value', CASE WHEN with_payload AND e.state = 'succeeded' THEN e.value::text END, 'code', e.code, 'reason', e.reason) ORDER BY e.name)
    FROM (SELECT * FROM effect x WHERE x.task_id = id ORDER BY x.task_id, x.name LIMIT 1000) AS e);
  parent_id := (SELECT g.parent_id FROM task_group g WHERE g.id = group_id AND t.member > 0);

  own_groups := ARRAY(SELECT g.id FROM task_group g WHERE g.parent_id = task_id ORDER BY g.parent_id, g.id LIMIT 100);
  IF group_id IS NOT NULL AND t.member = 0 THEN
    own_groups := own_groups || group_id;
  END IF;
  IF own_groups <> '{}' THEN
    groups := (SELECT json_agg(json_build_object('id', g.id, 'total', g.total, 'completed', g.completed, 'failed', g.failed, 'atMost', g.at_most,
        'createdAt', extract(epoch FROM g.created_at), 'finishedAt', extract(epoch FROM g.finished_at)) ORDER BY g.id)
      FROM task_group g WHERE g.id = ANY (own_groups));
    -- The first members, ended or live, and what is there of them. A completed one is in the part of its end's day, if it is kept.
    children := (SELECT json_agg(json_build_object('group', m.group_id, 'member', m.member, 'task', m.task_id, 'outcome', m.outcome,
        'endedAt', extract(epoch FROM m.ended_at), 'queue', c.queue, 'type', c.type, 'state', c.state, 'priority', c.priority, 'attempt', c.attempt,
        'failures', c.failures, 'crashes', c.crashes, 'dueAt', CASE WHEN isfinite(c.due_at) THEN extract(epoch FROM c.due_at) END,
        'leaseUntil', CASE WHEN isfinite(c.lease_until) THEN extract(epoch FROM c.lease_until) END, 'createdAt', extract(epoch FROM c.created_at),
        'reachedAt', extract(epoch FROM c.ended_at), 'error', c.error, 'reason', c.reason, 'isFlow', c.is_flow) ORDER BY m.group_id, m.member)
      FROM (
        SELECT m.* FROM unnest(own_groups) AS g(id) CROSS JOIN LATERAL (
          SELECT * FROM (SELECT e.group_id, e.member, e.task_id, e.outcome, e.ended_at FROM group_end e WHERE e.group_id = g.id
            ORDER BY e.group_id, e.member LIMIT 100) AS e
          UNION ALL
          SELECT * FROM (SELECT x.group_id, x.member, x.id, NULL, NULL::timestamptz FROM task x
            WHERE x.group_id = g.id AND x.member > 0 AND NOT EXISTS (SELECT FROM group_end e WHERE e.group_id = g.id AND e.member = x.member)
            ORDER BY x.group_id, x.member LIMIT 100) AS x
        ) AS m ORDER BY m.group_id, m.member LIMIT 100) AS m
      LEFT JOIN LATERAL (
        SELECT x.queue::text, x.type::text, CASE WHEN x.finished_at IS NOT NULL THEN 'finished' WHEN x.lease_until > at THEN 'running'
            WHEN x.slot = 0 THEN 'limited' WHEN x.due_at > at THEN 'waiting' ELSE 'due' END AS state, x.priority::int, x.attempt, x.failures,
          x.crashes, CASE WHEN x.finished_at IS NULL THEN x.due_at END AS due_at, CASE WHEN x.lease_until > at THEN x.lease_until END AS lease_until,
          x.created_at, x.finished_at AS ended_at, left(x.errors -> -1 ->> 'message', 4096) AS error, NULL AS reason,
          (SELECT true FROM step s WHERE s.task_id = x.id LIMIT 1) IS TRUE AS is_flow
        FROM task x WHERE x.id = m.task_id
        UNION ALL
        SELECT x.queue, x.type, 'dead', x.priority, x.attempt, x.failures, x.crashes, NULL, NULL, x.created_at, x.died_at,
          left(x.errors -> -1 ->> 'message', 4096), x.reason, (SELECT true FROM step s WHERE s.task_id = x.id LIMIT 1) IS TRUE
        FROM dead_task x WHERE x.id = m.task_id
        UNION ALL
        SELECT x.queue, x.type, 'done', 100, x.attempt, 0, 0, NULL, NULL, x.created_at, x.done_at, NULL, NULL, false
        FROM done x WHERE x.id = m.task_id AND x.expires_at > at AND x.done_at BETWEEN m.ended_at - interval '1 min' AND m.ended_at + interval '1 min'
        LIMIT 1) AS c ON true);
  END IF;

  workers := (SELECT json_agg(json_build_object('id', w.id, 'name', w.name, 'queues', to_json(w.queues), 'types', to_json(w.types), 'slots', w.slots,
      'version', w.version, 'inFlight', w.in_flight, 'startedAt', extract(epoch FROM w.started_at), 'seenAt', extract(epoch FROM w.seen_at)) ORDER BY w.name COLLATE "C", w.id)
    FROM (SELECT * FROM worker v WHERE queue = ANY (v.queues) AND type = ANY (v.types) AND v.seen_at > at - interval '2 min' LIMIT 1000) AS w);
  actions := (SELECT json_agg(json_build_object('id', a.id, 'at', extract(epoch FROM a.at), 'actor', a.actor, 'role', a.role, 'verb', a.verb,
      'target', a.target, 'why', a.reason, 'request', a.request::text, 'before', a.before::text, 'after', a.after::text,
      'tasks', to_json(a.task_ids), 'count', a.task_count) ORDER BY a.id DESC)
    FROM _actions_about(task_id, NULL, 50) AS a);
  explanation := (SELECT json_agg(json_build_object('cause', e.cause, 'sentence', e.sentence,
      'until', CASE WHEN isfinite(e.until) THEN extract(epoch FROM e.until) END, 'details', e.details) ORDER BY e.place)
    FROM explain(task_id) WITH ORDINALITY AS e(cause, sentence, until, details, place));
  RETURN NEXT;
END $$;
