-- Claims due tasks: first up to a fair share of each queue, then, if some had less, the rest from those that have more.
-- SKIP LOCKED: never waits. The rows come in no order. No task is added once the payloads have max_bytes (per turn).
--
-- Where to look: queue n has the ranges first_ranges[n] to last_ranges[n] of the range_... arrays, in ascending order; a range
-- begins after (priority, due_at, id) and ends before a priority. Without ranges everything is looked at, which steps over
-- what is held, of other types, or dead and not vacuumed yet; a worker that remembers how far it has come does not. With
-- rescans everything is looked at by one at a time of those who claim from the same queues and types; a last row without an id
-- then says whether this one did, and how many microseconds it took. With ready_from nothing due from then on is left out:
-- promote has just made it ready.
--
-- A task that was due once is not delayed by a clock that goes back: it was due when it was stored (due_at <= created_at), or
-- whoever made it ready has stamped lease_until 'epoch' instead of '-infinity'. Leases of others are judged by leases_at if that
-- is before the clock. Tasks that this transaction has admitted to a slot (_fill) are looked at wherever they stand.
CREATE OR REPLACE FUNCTION _claim(
  queues text[], types text[], max_count int, max_bytes bigint, lease interval,
  first_ranges int[] DEFAULT NULL, last_ranges int[] DEFAULT NULL,
  range_priorities int[] DEFAULT '{-32769}', range_due_ats timestamptz[] DEFAULT '{-infinity}',
  range_ids bigint[] DEFAULT '{0}', range_ends int[] DEFAULT '{32768}', rescans boolean DEFAULT false,
  ready_from timestamptz DEFAULT NULL, leases_at timestamptz DEFAULT NULL
)
RETURNS TABLE (
  id bigint, token bigint, queue text, type text, priority int, payload json, headers json, attempt int, failures int,
  crashes int, max_attempts int, retry json, deadline timestamptz, created_at timestamptz, due_at timestamptz,
  claimed_at timestamptz, cancel_requested boolean, looked_at_everything boolean, look_microseconds bigint
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
  found_count int;
  admitted tid[] := nullif(current_setting('taskqueue.admitted', true), '')::tid[];
BEGIN
  IF lease IS NULL OR lease <= interval '0' OR lease > interval '100 years' THEN
    RAISE EXCEPTION 'TaskQueue: a lease must be above zero and at most 100 years' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF rescans AND pg_try_advisory_xact_lock(hashtextextended(concat_ws(':', current_schema(), 'rescan',
    (SELECT string_agg(q, ',' ORDER BY q) FROM unnest(queues) AS q),
    (SELECT string_agg(y, ',' ORDER BY y) FROM unnest(types) AS y)), 0))
  THEN
    looks_at_everything := true;
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
  LOOP
    SELECT array_agg(c.ctid), sum(c.bytes) INTO claimed, bytes
    FROM (
      SELECT c.ctid, c.bytes
      FROM unnest(queues, first_ranges, last_ranges) AS q(name, first, last)
      CROSS JOIN LATERAL (
        SELECT w.ctid, w.bytes
        FROM unnest(range_priorities[q.first:q.last], range_due_ats[q.first:q.last], range_ids[q.first:q.last],
          range_ends[q.first:q.last]) AS r(priority, due_at, id, before)
        CROSS JOIN LATERAL (
          SELECT w.ctid, octet_length(w.payload::text) AS bytes FROM task w
          WHERE w.ready AND w.queue = q.name AND (w.priority, w.due_at, w.id) > (r.priority, r.due_at, r.id)
            AND w.priority < r.before AND w.lease_until <= ended_at AND w.type = ANY (types)
            AND (w.due_at <= greatest(at, w.created_at) OR w.lease_until <> '-infinity')
          ORDER BY w.priority, w.due_at, w.id LIMIT share FOR UPDATE SKIP LOCKED
        ) AS w
        LIMIT share
      ) AS c
      LIMIT remaining
    ) AS c;
    IF admitted IS NOT NULL THEN
      -- Their rows are this transaction's own.
      SELECT array_agg(c.ctid), sum(c.bytes) INTO claimed, bytes
      FROM (
        SELECT w.ctid, w.priority, w.due_at, w.id, octet_length(w.payload::text) AS bytes FROM task w WHERE w.ctid = ANY (claimed)
        UNION
        SELECT w.ctid, w.priority, w.due_at, w.id, octet_length(w.payload::text) AS bytes
        -- A Tid Scan: the offset keeps the other conditions out, which the claim's index would be read for.
        FROM (SELECT t.ctid, t.* FROM task t WHERE t.ctid = ANY (admitted) OFFSET 0) AS w
        WHERE w.ready AND w.queue = ANY (queues) AND w.lease_until <= ended_at AND w.type = ANY (types)
        ORDER BY priority, due_at, id LIMIT remaining
      ) AS c;
      admitted := NULL;
    END IF;
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
      attempt = least(t.attempt, 2147483646) + 1, crashes = least(t.crashes, 2147483646) + (t.lease_until > 'epoch')::int
    WHERE t.ctid = ANY (claimed)
    RETURNING t.id, t.lease_token, t.queue::text, t.type::text, t.priority::int, t.payload::json, t.headers::json,
      t.attempt, t.failures, t.crashes, t.max_attempts::int, t.retry, t.deadline, t.created_at, t.due_at, at,
      t.cancel_requested, NULL::boolean, NULL::bigint;
    GET DIAGNOSTICS found_count = ROW_COUNT;
    remaining := remaining - found_count;
    EXIT WHEN remaining <= 0 OR found_count < share OR share >= max_count;
    share := max_count;
  END LOOP;
  IF rescans THEN
    looked_at_everything := looks_at_everything;
    look_microseconds := extract(epoch FROM clock_timestamp() - at) * 1000000;
    RETURN NEXT;
  END IF;
END $$;
