-- A page of tasks for people: of_place is live, dead or done; what is NULL does not matter. By descending id, looking at max_look rows at most. The last
-- row has no id: next_place, from which the next page goes on (NULL: this was the last one), and looked_at, the rows that were looked at.
--
-- Live tasks of a state or a queue are taken from the indexes that have them if those have no more than max_look: first all places are gathered, then
-- sorted by id. Else the primary key is read downwards, where those that are asked for are many. Running ones are few, and stand in front of the due ones in
-- task_claim: those of one queue are read in its order (place c), those of all queues are gathered from the front of each, until 1,000 others came (place r).
-- Each query is planned for what was asked for. A type that ends with * stands for all that begin so; dead letters are looked through by id then.
CREATE OR REPLACE FUNCTION _list_tasks(
  of_place text, of_queue text, of_type text, of_state text, created_before timestamptz, created_from timestamptz, with_error text,
  of_limit text, of_reason text, from_place text, max_count int, max_look int,
  OUT id bigint, OUT queue text, OUT type text, OUT state text, OUT priority int, OUT attempt int, OUT failures int, OUT crashes int,
  OUT unique_key text, OUT limit_key text, OUT due_at timestamptz, OUT lease_until timestamptz, OUT created_at timestamptz,
  OUT ended_at timestamptz, OUT last_error text, OUT reason text, OUT is_flow boolean, OUT next_place text, OUT looked_at int
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
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
  way text := coalesce(split_part(from_place, '.', 1), '');
  below bigint := 9223372036854775807;
  place_priority int := -32769;
  place_due timestamptz := '-infinity';
  first_queue text := '';
  columns text;
  source text;
  filter text := 'true';
  tids tid[];
  sources text[];
  part text;
  lane text;
  r record;
  misses int;
  seen int := 0;
  end_id bigint;
  end_priority int;
  end_due timestamptz;
  found_count int := 0;
  is_asked_for boolean;
BEGIN
  IF from_place !~ '^(i[.][0-9]{1,19}|c[.]-?[0-9]{1,5}[.]-?[0-9]{1,19}[.][0-9]{1,19}|r[.][0-9]{1,19}[.]([0-9a-f]{2}){0,128})$' THEN
    RAISE EXCEPTION 'TaskQueue: this is no place in a list' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  BEGIN
    CASE way
      WHEN 'i' THEN
        below := split_part(from_place, '.', 2)::bigint;
      WHEN 'c' THEN
        place_priority := split_part(from_place, '.', 2)::int;
        place_due := CASE split_part(from_place, '.', 3)::bigint WHEN 9223372036854775807 THEN 'infinity' WHEN -9223372036854775808 THEN '-infinity'
          ELSE 'epoch'::timestamptz + split_part(from_place, '.', 3)::bigint * interval '1 microsecond' END;
        below := split_part(from_place, '.', 4)::bigint;
      WHEN 'r' THEN
        below := split_part(from_place, '.', 2)::bigint;
        first_queue := convert_from(decode(split_part(from_place, '.', 3), 'hex'), 'UTF8');
      ELSE
        NULL;
    END CASE;
  EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION 'TaskQueue: this is no place in a list' USING ERRCODE = 'invalid_parameter_value';
  END;

  -- A dead letter without an error says why it was put aside. The columns (a look for steps with LIMIT reads no more than that one's), and the conditions on them: $1 queue, $2 type, $3 state, $4 and $5 created, $6 error, $7 limit, $8 reason, $9 now, $10 id.
  columns := CASE of_place
    WHEN 'dead' THEN
      't.id, t.queue::text, t.type::text, ''dead''::text, t.priority::int, t.attempt, t.failures, t.crashes, t.unique_key::text,
        t.limit_key || coalesce(chr(1) || t.weight, ''''), NULL::timestamptz, NULL::timestamptz, t.created_at, t.died_at,
        left(coalesce(t.errors -> -1 ->> ''message'', t.detail), 4096), t.reason, (SELECT true FROM step s WHERE s.task_id = t.id LIMIT 1) IS TRUE'
    WHEN 'done' THEN
      't.id, t.queue::text, t.type::text, ''done''::text, 100, t.attempt, 0, 0, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz,
        t.created_at, t.done_at, NULL::text, NULL::text, false'
    ELSE
      't.id, t.queue::text, t.type::text, CASE WHEN t.finished_at IS NOT NULL THEN ''finished'' WHEN t.lease_until > $9 THEN ''running''
          WHEN t.slot = 0 THEN ''limited'' WHEN t.due_at > $9 THEN ''waiting'' ELSE ''due'' END, t.priority::int, t.attempt, t.failures, t.crashes,
        t.unique_key::text, t.limit_key || coalesce(chr(1) || t.weight, ''''), CASE WHEN t.finished_at IS NULL THEN t.due_at END,
        CASE WHEN t.lease_until > $9 THEN t.lease_until END, t.created_at, t.finished_at, left(t.errors -> -1 ->> ''message'', 4096), NULL::text,
        t.has_steps IS TRUE AND (SELECT true FROM step s WHERE s.task_id = t.id LIMIT 1) IS TRUE'
    END;
  filter := concat_ws(' AND ', 'true',
    CASE WHEN of_queue IS NOT NULL THEN 't.queue = $1' END,
    CASE WHEN of_type LIKE '%*' THEN 'starts_with(t.type, left($2, -1))' WHEN of_type IS NOT NULL THEN 't.type = $2' END,
    CASE WHEN of_place = 'done' THEN 't.expires_at > $9'
      WHEN of_place = 'dead' THEN NULL
      WHEN of_state = 'finished' THEN 't.finished_at IS NOT NULL'
      WHEN of_state = 'running' THEN 't.finished_at IS NULL AND t.lease_until > $9'
      WHEN of_state = 'limited' THEN 't.finished_at IS NULL AND t.lease_until <= $9 AND t.slot = 0'
      WHEN of_state = 'waiting' THEN 't.finished_at IS NULL AND t.lease_until <= $9 AND t.slot IS DISTINCT FROM 0 AND t.due_at > $9'
      WHEN of_state = 'due' THEN 't.finished_at IS NULL AND t.lease_until <= $9 AND t.slot IS DISTINCT FROM 0 AND t.due_at <= $9' END,
    CASE WHEN created_before IS NOT NULL THEN 't.created_at < $4' END,
    CASE WHEN created_from IS NOT NULL THEN 't.created_at >= $5' END,
    CASE WHEN with_error IS NOT NULL THEN format('strpos(lower(%s COLLATE "C"), lower($6 COLLATE "C")) > 0',
      CASE WHEN of_place = 'dead' THEN 'coalesce(t.errors -> -1 ->> ''message'', t.detail)' ELSE '(t.errors -> -1 ->> ''message'')' END) END,
    CASE WHEN of_limit IS NOT NULL THEN 't.limit_key = $7' END,
    CASE WHEN of_reason IS NOT NULL THEN 't.reason = $8' END);

  IF of_place = 'live' AND of_state = 'running' AND of_queue IS NULL THEN
    -- From the front of each queue, as many queues as there is room for.
    way := 'r';
    lane := first_queue;
    LOOP
      SELECT t.queue INTO lane FROM task t WHERE t.ready AND t.queue > lane ORDER BY t.queue LIMIT 1;
      EXIT WHEN NOT FOUND OR seen >= max_look;
      misses := 0;
      FOR r IN
        SELECT t.ctid, t.lease_until > at AS runs FROM task t WHERE t.ready AND t.queue = lane
        ORDER BY t.priority, t.due_at, t.id LIMIT max_look
      LOOP
        seen := seen + 1;
        IF r.runs THEN
          tids := tids || r.ctid;
        ELSE
          misses := misses + 1;
        END IF;
        EXIT WHEN misses >= 1000;
      END LOOP;
      part := lane;
    END LOOP;
  ELSIF of_place = 'live' AND way <> 'c' AND (of_state IS NOT NULL OR of_queue IS NOT NULL OR of_limit IS NOT NULL) THEN
    -- Where such tasks stand; each is read up to what is left of max_look.
    sources := ARRAY_REMOVE(ARRAY[
      CASE WHEN of_limit IS NOT NULL AND coalesce(of_state, 'limited') NOT IN ('finished', 'limited')
          OR of_limit IS NOT NULL AND of_state IS NULL
        THEN 'SELECT t.ctid FROM task t WHERE t.slot > 0 AND t.limit_key = $7 ORDER BY t.limit_key, t.slot LIMIT $11' END,
      CASE WHEN coalesce(of_state, 'limited') = 'limited' THEN format(
        'SELECT t.ctid FROM task t WHERE t.slot = 0%s ORDER BY t.limit_key, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id LIMIT $11',
        CASE WHEN of_limit IS NOT NULL THEN ' AND t.limit_key = $7' ELSE '' END) END,
      CASE WHEN coalesce(of_state, 'waiting') IN ('waiting', 'due') THEN format(
        'SELECT t.ctid FROM task t WHERE NOT t.ready AND t.finished_at IS NULL AND t.slot IS DISTINCT FROM 0%s ORDER BY t.due_at LIMIT $11',
        CASE WHEN of_state = 'due' THEN ' AND t.due_at <= $9' WHEN of_state = 'waiting' THEN ' AND t.due_at > $9' ELSE '' END) END,
      CASE WHEN coalesce(of_state, 'finished') = 'finished' THEN
        'SELECT t.ctid FROM task t WHERE NOT t.ready AND t.finished_at IS NOT NULL ORDER BY t.due_at LIMIT $11' END,
      -- Ready and not due yet are those that a rate has admitted, behind the due ones of each priority.
      CASE WHEN of_state = 'waiting' AND of_limit IS NULL THEN format(
        'WITH RECURSIVE p (queue, priority) AS (
          (SELECT t.queue, t.priority FROM task t WHERE t.ready%1$s ORDER BY t.queue, t.priority LIMIT 1)
          UNION ALL
          SELECT n.queue, n.priority FROM p CROSS JOIN LATERAL (
            SELECT t.queue, t.priority FROM task t WHERE t.ready%1$s AND (t.queue, t.priority) > (p.queue, p.priority)
            ORDER BY t.queue, t.priority LIMIT 1) AS n)
        SELECT t.ctid FROM (SELECT * FROM p LIMIT $11) AS p CROSS JOIN LATERAL (
          SELECT t.ctid FROM task t WHERE t.ready AND t.queue = p.queue AND t.priority = p.priority AND t.due_at > $9
          ORDER BY t.due_at, t.id LIMIT $11) AS t LIMIT $11', CASE WHEN of_queue IS NOT NULL THEN ' AND t.queue = $1' ELSE '' END) END,
      CASE WHEN of_limit IS NULL AND coalesce(of_state, 'due') IN ('running', 'due') THEN format(
        'SELECT t.ctid FROM task t WHERE t.ready%s ORDER BY t.queue, t.priority, t.due_at, t.id LIMIT $11',
        CASE WHEN of_queue IS NOT NULL THEN ' AND t.queue = $1' ELSE '' END) END], NULL);
    tids := '{}';
    FOREACH source IN ARRAY sources LOOP
      EXECUTE format('SELECT array_agg(x.ctid) FROM (%s) AS x', source) INTO r
      USING of_queue, of_type, of_state, created_before, created_from, with_error, of_limit, of_reason, at, below, max_look + 1 - seen;
      tids := tids || coalesce(r.array_agg, '{}');
      seen := cardinality(tids);
      IF seen > max_look THEN
        tids := NULL;
        seen := 0;
        EXIT;
      END IF;
    END LOOP;
    IF tids IS NULL AND of_state = 'running' AND way = '' THEN
      way := 'c';
      below := 0;
    END IF;
  END IF;

  IF tids IS NOT NULL OR way = 'r' THEN
    FOR id, queue, type, state, priority, attempt, failures, crashes, unique_key, limit_key, due_at, lease_until, created_at, ended_at, last_error,
      reason, is_flow IN
      -- OFFSET: else the primary key would be read for the order.
      EXECUTE format('SELECT %s FROM (SELECT t.* FROM task t WHERE t.ctid = ANY ($11) OFFSET 0) AS t WHERE t.id < $10 AND %s
        ORDER BY t.id DESC LIMIT $12', columns, filter)
      USING of_queue, of_type, of_state, created_before, created_from, with_error, of_limit, of_reason, at, below, tids, max_count + 1
    LOOP
      found_count := found_count + 1;
      IF found_count > max_count THEN
        next_place := CASE way WHEN 'r' THEN format('r.%s.%s', below, encode(convert_to(first_queue, 'UTF8'), 'hex')) ELSE format('i.%s', below) END;
        EXIT;
      END IF;
      below := id;
      RETURN NEXT;
    END LOOP;
    IF next_place IS NULL AND way = 'r' AND lane IS NOT NULL THEN
      next_place := format('r.9223372036854775807.%s', encode(convert_to(part, 'UTF8'), 'hex'));
    END IF;
  ELSE
    source := CASE
      -- With an equation instead, the order would be that of the primary key, which might be read instead of the index of types.
      WHEN of_place = 'dead' AND of_type NOT LIKE '%*' THEN
        'SELECT t.* FROM dead_task t WHERE (t.type, t.id) < ($2, $10) AND t.type >= $2 ORDER BY t.type DESC, t.id DESC LIMIT $11'
      WHEN of_place = 'dead' THEN 'SELECT t.* FROM dead_task t WHERE t.id < $10 ORDER BY t.id DESC LIMIT $11'
      WHEN of_place = 'done' THEN 'SELECT t.* FROM done t WHERE t.id < $10 ORDER BY t.id DESC LIMIT $11'
      WHEN way = 'c' THEN 'SELECT t.* FROM task t WHERE t.ready AND t.queue = $1 AND (t.priority, t.due_at, t.id) > ($13, $14, $10)
        ORDER BY t.priority, t.due_at, t.id LIMIT $11'
      ELSE 'SELECT t.* FROM task t WHERE t.id < $10 ORDER BY t.id DESC LIMIT $11'
    END;
    -- One pass: the last row of the look comes with those that are asked for, whatever it is.
    FOR id, queue, type, state, priority, attempt, failures, crashes, unique_key, limit_key, due_at, lease_until, created_at, ended_at, last_error,
      reason, is_flow, looked_at, is_asked_for IN
      EXECUTE format('SELECT %1$s, t.place::int, (%3$s) IS TRUE FROM (SELECT t.*, row_number() OVER () AS place FROM (%2$s) AS t) AS t
        WHERE (%3$s) OR t.place = $11 LIMIT $12', columns, source, filter)
      USING of_queue, of_type, of_state, created_before, created_from, with_error, of_limit, of_reason, at, below, max_look, max_count + 2,
        place_priority, place_due
    LOOP
      found_count := found_count + is_asked_for::int;
      EXIT WHEN found_count > max_count;
      seen := looked_at;
      end_id := id;
      end_priority := priority;
      end_due := due_at;
      IF is_asked_for THEN
        RETURN NEXT;
      END IF;
    END LOOP;
    IF found_count <= max_count AND seen < max_look THEN
      -- The table ended before the look: this was the last page.
      EXECUTE format('SELECT count(*) FROM (%s) AS t', source) INTO seen
      USING of_queue, of_type, of_state, created_before, created_from, with_error, of_limit, of_reason, at, below, max_look, max_count,
        place_priority, place_due;
    END IF;
    IF found_count > max_count OR seen = max_look THEN
      next_place := CASE WHEN way <> 'c' THEN format('i.%s', end_id) ELSE format('c.%s.%s.%s', end_priority, CASE
        WHEN isfinite(end_due) THEN (extract(epoch FROM end_due) * 1000000)::bigint
        WHEN end_due > at THEN 9223372036854775807 ELSE -9223372036854775808 END, end_id) END;
    END IF;
  END IF;
  id := NULL;
  looked_at := seen;
  RETURN NEXT;
END $$;
