-- The first in line for each of some free slots: slots that the caller's own rows have just left, or that it found free while it holds
-- the lock of their keys (_look). So nobody else gives the same ones. Locks the rows; slots are for whoever calls to give. Keeps to
-- what holds now: slots above a lowered limit, of a paused one, or behind a dead letter that holds its line are given to nobody. A limit
-- with a rate admits by looks alone (_fill_at_rate).
-- Never waits: it passes over rows that another session has locked, but for an ordered line, where nothing passes the first.
-- What cannot be given although somebody waits is looked at again when it may be.
-- others: how many of the rows are not of the queues and types of a claim; bytes: of all payloads; first: the most urgent priority.
CREATE OR REPLACE FUNCTION _next_in_line(
  free_keys text[], free_slots int[], queues text[] DEFAULT '{}', types text[] DEFAULT '{}',
  OUT rows tid[], OUT slots int[], OUT others int, OUT bytes bigint, OUT first smallint
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET jit = off
AS $$
DECLARE
  keys text[];
  hinted text[];
BEGIN
  -- One array per key: as a join of slots and rows it would be quadratic. A slot that this transaction left may have been found by a look.
  SELECT array_agg(w.ctid), array_agg(k.slots[w.place]), array_agg(k.limit_key), count(*) FILTER (WHERE NOT w.is_mine), sum(w.bytes),
    min(w.priority)
  INTO rows, slots, keys, others, bytes, first
  FROM (
    SELECT f.limit_key, r.is_ordered, array_agg(DISTINCT f.slot) AS slots
    FROM unnest(free_keys, free_slots) AS f(limit_key, slot)
    JOIN limit_rule r ON r.name = split_part(f.limit_key, '/', 1)
    WHERE NOT r.is_paused AND r.gap IS NULL AND f.slot <= coalesce(r.operator_concurrency, r.concurrency)
    GROUP BY f.limit_key, r.is_ordered
  ) AS k
  CROSS JOIN LATERAL (
    SELECT c.ctid, (row_number() OVER ())::int AS place, c.priority, c.is_mine, c.bytes
    FROM (
      SELECT t.ctid, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END) AS rank, t.id, t.priority,
        t.queue = ANY (queues) AND t.type = ANY (types) AS is_mine, octet_length(t.payload::text) + CASE WHEN t.has_steps THEN _claim_bytes(t.id) ELSE 0 END AS bytes
      FROM task t WHERE t.limit_key = k.limit_key AND t.slot = 0
      ORDER BY t.limit_key, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id
      LIMIT cardinality(k.slots) FOR UPDATE SKIP LOCKED
    ) AS c
    WHERE NOT k.is_ordered OR NOT EXISTS (
      SELECT FROM task t WHERE t.limit_key = k.limit_key AND t.slot = 0
        AND ((CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id) < (c.rank, c.id))
  ) AS w
  WHERE NOT EXISTS (SELECT FROM dead_task d WHERE d.limit_key = k.limit_key AND d.holds)
    AND NOT EXISTS (SELECT FROM limit_pace p WHERE p.limit_key = k.limit_key AND p.paused_until > clock_timestamp());
  IF coalesce(cardinality(rows), 0) < cardinality(free_slots) THEN
    -- Whose first in line is locked, or which has a rate.
    WITH left_over AS MATERIALIZED (
      SELECT f.limit_key
      FROM unnest(free_keys || keys, array_fill(1, ARRAY[cardinality(free_keys)])) AS f(limit_key, free)
      GROUP BY f.limit_key HAVING count(*) < 2 * count(f.free)
    ), waiting AS MATERIALIZED (
      SELECT k.limit_key, _next_look(k.limit_key) AS look_at FROM left_over k
      WHERE EXISTS (SELECT FROM task t WHERE t.limit_key = k.limit_key AND t.slot = 0 AND t.ctid <> ALL (coalesce(rows, '{}')))
        -- Whoever ends what holds the line brings a look.
        AND NOT EXISTS (SELECT FROM dead_task d WHERE d.limit_key = k.limit_key AND d.holds)
    ), looks AS (
      INSERT INTO limit_look (limit_key, look_at)
      SELECT k.limit_key, k.look_at FROM waiting k
      -- One that another session has locked may be about to be put off by it, and one that is locked here is not.
      WHERE NOT EXISTS (
        SELECT FROM limit_look l WHERE l.limit_key = k.limit_key AND l.look_at <= k.look_at FOR KEY SHARE SKIP LOCKED)
      RETURNING limit_key
    )
    SELECT array_agg(DISTINCT E'\x01' || f.queue) INTO hinted
    FROM looks l CROSS JOIN LATERAL (SELECT t.queue FROM task t WHERE t.limit_key = l.limit_key AND t.slot = 0 LIMIT 1) AS f;
    IF hinted IS NOT NULL THEN
      PERFORM _wake(hinted);
    END IF;
  END IF;
END $$;
