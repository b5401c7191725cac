-- Claims due tasks: first up to a fair share of each queue, then, if some had less, the rest from those that have more.
-- SKIP LOCKED: never waits. The rows come in no order. No task is added once the payloads, and the journals of flows, have max_bytes (per
-- turn).
--
-- Where to look: queue n has the ranges first_ranges[n] to last_ranges[n] of the range_... arrays, in ascending order; a range
-- begins after (priority, due_at, id) and ends before a priority. Without ranges everything is looked at, which steps over
-- what is held, of other types, or dead and not vacuumed yet; a worker that remembers how far it has come does not. With
-- rescans everything is looked at by one at a time of those who claim from the same queues and types; a last row without an id
-- then says whether this one did, and how many microseconds it took. With ready_from nothing due from then on is left out:
-- promote has just made it ready. With has_backlog a row that somebody has touched just now (xmax) is passed over as long as there are enough others:
-- mostly another claim takes it. To lock it once that one has committed would cost as much as a claim, and the lock would hold up the row's
-- settling.
--
-- A task that was due once is not delayed by a clock that goes back: it was due when it was stored (due_at <= created_at), or
-- whoever made it ready has stamped lease_until 'epoch' instead of '-infinity'. Leases of others are judged by leases_at if that
-- is before the clock. Slots that this transaction has left or found (_fill) go to the next in line; those among them whose turn it is
-- are claimed at once. steps: NULL but for a flow or a group's member: arrays of name, kind, place, value (as text), digest, until (seconds since 1970). A separate
-- statement locks the rows before, so what an earlier claim recorded is seen.
CREATE OR REPLACE FUNCTION _claim(
  queues text[], types text[], max_count int, max_bytes bigint, lease interval,
  first_ranges int[] DEFAULT NULL, last_ranges int[] DEFAULT NULL,
  range_priorities int[] DEFAULT '{-32769}', range_due_ats timestamptz[] DEFAULT '{-infinity}',
  range_ids bigint[] DEFAULT '{0}', range_ends int[] DEFAULT '{32768}', rescans boolean DEFAULT false,
  ready_from timestamptz DEFAULT NULL, leases_at timestamptz DEFAULT NULL, has_backlog boolean DEFAULT false
)
RETURNS TABLE (
  id bigint, token bigint, queue text, type text, priority int, payload json, headers json, attempt int, failures int,
  crashes int, max_attempts int, retry json, deadline timestamptz, created_at timestamptz, due_at timestamptz,
  claimed_at timestamptz, cancel_requested boolean, steps json, looked_at_everything boolean, look_microseconds bigint
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
  ended_at timestamptz := least(at, leases_at);
  looks_at_everything boolean := false;
  -- 64 bits of a cryptographically random UUID; hashed with the id they make the token. One UUID per row costs 2 us.
  salt bigint := uuid_hash_extended(gen_random_uuid(), 0);
  remaining int := max_count;
  share int := greatest(1, ceil(max_count::float8 / greatest(1, cardinality(queues)))::int);
  claimed tid[];
  bytes bigint;
  -- Whether any is a flow with steps; NULL: not.
  has_flows boolean;
  found_count int;
  free_keys text[] := nullif(current_setting('taskqueue.free_keys', true), '')::text[];
  slots int[];
  next record;
  left_over tid[];
  left_slots int[];
  -- Rows touched by transactions of at most this age are passed over; NULL: none are.
  touched_age int;
BEGIN
  IF lease IS NULL OR lease <= interval '0' OR lease > interval '100 years' THEN
    RAISE EXCEPTION 'TaskQueue: a lease must be above zero and at most 100 years' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF rescans THEN
    looks_at_everything := pg_try_advisory_xact_lock(hashtextextended(concat_ws(':', current_schema(), 'rescan',
      (SELECT string_agg(q, ',' ORDER BY q) FROM unnest(queues) AS q),
      (SELECT string_agg(y, ',' ORDER BY y) FROM unnest(types) AS y)), 0));
  END IF;
  IF looks_at_everything THEN
    first_ranges := NULL;
    range_priorities := '{-32769}';
    range_due_ats := '{-infinity}';
    range_ids := '{0}';
    range_ends := '{32768}';
  END IF;
  IF ready_from IS NOT NULL THEN
    range_ids := ARRAY(SELECT CASE WHEN r.due_at < ready_from THEN r.id ELSE 0 END
      FROM unnest(range_due_ats, range_ids) WITH ORDINALITY AS r(due_at, id, place) ORDER BY r.place);
    range_due_ats := ARRAY(SELECT least(r.due_at, ready_from)
      FROM unnest(range_due_ats) WITH ORDINALITY AS r(due_at, place) ORDER BY r.place);
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
  -- Of one queue, since the second pass knows no shares. Not beside an older transaction: what was merely locked since that one began cannot be told
  -- from what is touched now. The age of a xmax that is a MultiXactId says nothing; few are near the xids.
  IF has_backlog AND cardinality(queues) = 1 AND free_keys IS NULL THEN
    touched_age := age(pg_snapshot_xmin(pg_current_snapshot())::xid);
    IF touched_age > 500 THEN
      touched_age := NULL;
    END IF;
  END IF;
  LOOP
    SELECT array_agg(c.ctid), sum(c.bytes), bool_or(c.has_steps) INTO claimed, bytes, has_flows
    FROM (
      SELECT c.ctid, c.bytes, c.has_steps
      FROM (SELECT generate_subscripts(queues, 1) AS q) AS lane
      CROSS JOIN LATERAL (
        SELECT w.ctid, w.bytes, w.has_steps
        FROM (SELECT generate_series(first_ranges[q], last_ranges[q]) AS r) AS range
        CROSS JOIN LATERAL (
          SELECT w.ctid, octet_length(w.payload::text) AS bytes, w.has_steps FROM task w
          WHERE w.ready AND w.queue = queues[q] AND (w.priority, w.due_at, w.id) > (range_priorities[r], range_due_ats[r], range_ids[r])
            AND w.priority < range_ends[r] AND w.lease_until <= ended_at AND w.type = ANY (types)
            AND (touched_age IS NULL OR age(w.xmax) NOT BETWEEN -500 AND touched_age)
            AND (w.due_at <= greatest(at, w.created_at) OR w.lease_until <> '-infinity')
          ORDER BY w.priority, w.due_at, w.id LIMIT share FOR UPDATE SKIP LOCKED
        ) AS w
        LIMIT share
      ) AS c
      LIMIT remaining
    ) AS c;
    IF has_flows THEN
      bytes := bytes + (SELECT sum(_claim_bytes(t.id)) FROM task t WHERE t.ctid = ANY (claimed) AND t.has_steps);
    END IF;
    IF free_keys IS NOT NULL THEN
      SELECT * INTO next FROM _next_in_line(free_keys, current_setting('taskqueue.free_slots')::int[], queues, types);
      found_count := coalesce(cardinality(claimed), 0);
      IF found_count + cardinality(next.rows) <= remaining AND next.others = 0 AND coalesce(bytes, 0) + next.bytes < max_bytes THEN
        slots := array_fill(NULL::int, ARRAY[found_count]) || next.slots;
        claimed := claimed || next.rows;
      ELSIF found_count < remaining OR next.first < (SELECT max(c.priority) FROM task c WHERE c.ctid = ANY (claimed)) THEN
        SELECT array_agg(c.ctid) FILTER (WHERE c.fits), array_agg(c.slot) FILTER (WHERE c.fits), NULL,
          array_agg(c.ctid) FILTER (WHERE NOT c.fits AND c.slot > 0), array_agg(c.slot) FILTER (WHERE NOT c.fits AND c.slot > 0)
        INTO claimed, slots, bytes, left_over, left_slots
        FROM (
          SELECT w.ctid, w.slot, w.is_mine AND row_number() OVER o <= remaining
            AND coalesce(sum(w.bytes) OVER (o ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) < max_bytes AS fits
          FROM (
            SELECT u.ctid, u.slot, t.priority, CASE WHEN t.ready THEN t.due_at ELSE at END AS due_at, t.id,
              octet_length(t.payload::text) + CASE WHEN t.has_steps THEN _claim_bytes(t.id) ELSE 0 END AS bytes, t.queue = ANY (queues) AND t.type = ANY (types) AS is_mine
            FROM unnest(claimed || next.rows, array_fill(NULL::int, ARRAY[found_count]) || next.slots) AS u(ctid, slot), task t
            WHERE t.ctid = u.ctid
          ) AS w
          WINDOW o AS (ORDER BY NOT w.is_mine, w.priority, w.due_at, w.id)
        ) AS c;
      ELSE
        left_over := next.rows;
        left_slots := next.slots;
      END IF;
      PERFORM set_config('taskqueue.free_keys', '', true), set_config('taskqueue.free_slots', '', true);
      free_keys := NULL;
    END IF;
    IF bytes > max_bytes THEN
      SELECT array_agg(b.ctid) INTO claimed
      FROM (
        SELECT t.ctid, sum(octet_length(t.payload::text) + CASE WHEN t.has_steps THEN _claim_bytes(t.id) ELSE 0 END)
          OVER (ORDER BY c.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
        FROM unnest(claimed) WITH ORDINALITY AS c(ctid, place) JOIN task t ON t.ctid = c.ctid
      ) AS b
      WHERE b.bytes_before IS NULL OR b.bytes_before < max_bytes;
    END IF;
    -- Tid Scans of rows that are locked above.
    IF slots IS NULL AND has_flows IS NOT TRUE THEN
      RETURN QUERY
      UPDATE task AS t SET lease_until = at + lease, lease_token = hashint8extended(t.id, salt),
        attempt = least(t.attempt, 2147483646) + 1, crashes = least(t.crashes, 2147483646) + (t.lease_until > 'epoch')::int
      WHERE t.ctid = ANY (claimed)
      RETURNING t.id, t.lease_token, t.queue::text, t.type::text, t.priority::int, t.payload::json, t.headers::json,
        t.attempt, t.failures, t.crashes, t.max_attempts::int, t.retry, t.deadline, t.created_at, t.due_at, at,
        t.cancel_requested, NULL::json, NULL::boolean, NULL::bigint;
      GET DIAGNOSTICS found_count = ROW_COUNT;
    ELSE
      RETURN QUERY
      UPDATE task AS t SET lease_until = at + lease, lease_token = hashint8extended(t.id, salt),
        attempt = least(t.attempt, 2147483646) + 1, crashes = least(t.crashes, 2147483646) + (t.lease_until > 'epoch')::int,
        ready = true, slot = coalesce(u.slot, t.slot), due_at = CASE WHEN t.ready THEN t.due_at ELSE at END
      FROM unnest(claimed, slots) AS u(ctid, slot) WHERE t.ctid = u.ctid
      RETURNING t.id, t.lease_token, t.queue::text, t.type::text, t.priority::int, t.payload::json, t.headers::json,
        t.attempt, t.failures, t.crashes, t.max_attempts::int, t.retry, t.deadline, t.created_at, t.due_at, at,
        t.cancel_requested, CASE WHEN t.has_steps THEN (
          SELECT coalesce(json_agg(
            json_build_array(s.name, s.kind, s.place, s.value::text, encode(s.digest, 'hex'), extract(epoch FROM s.until)::float8)), '[]')
          FROM step s WHERE s.task_id = t.id) END, NULL::boolean, NULL::bigint;
      GET DIAGNOSTICS found_count = ROW_COUNT;
      slots := NULL;
    END IF;
    IF left_over IS NOT NULL THEN
      PERFORM _admit(left_over, left_slots);
      left_over := NULL;
    END IF;
    remaining := remaining - found_count;
    IF touched_age IS NOT NULL AND remaining > 0 AND coalesce(bytes, 0) < max_bytes THEN
      touched_age := NULL;
      max_bytes := max_bytes - coalesce(bytes, 0);
      CONTINUE;
    END IF;
    EXIT WHEN remaining <= 0 OR found_count < share OR share >= max_count;
    share := max_count;
  END LOOP;
  IF rescans THEN
    looked_at_everything := looks_at_everything;
    look_microseconds := extract(epoch FROM clock_timestamp() - at) * 1000000;
    RETURN NEXT;
  END IF;
END $$;
