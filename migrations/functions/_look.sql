-- Looks at lines that are to be looked at, at most max_count, of those to be looked at after a time: finds free slots for as many as
-- wait, and comes back 1, 2, 4 ... 4096 seconds later while somebody waits: a slot may be left by a transaction that does not see
-- one that put a task in line, and is not seen by it. Lines of a limit with a rate, and paused ones, say themselves when they are to be
-- looked at.
-- One session at a time finds the free slots of a key, which two would find alike: the one that has locked all rows of the key that it sees.
-- Of two that are at it at once, the one that began later sees a row of the other; so rows of this transaction, which nobody else sees, are
-- left for the next one. It never waits. The slots are given by the claim that
-- follows in this transaction.
-- Returns how many rows it looked at, and the oldest due time of those that a rate admitted.
CREATE OR REPLACE FUNCTION _look(
  max_count int, look_after timestamptz, look_until timestamptz, OUT looked int, OUT admitted_from timestamptz
)
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
  keys text[];
  mine text[];
  rows tid[];
  others tid[];
  free_keys text[];
  free_slots int[];
  waiting text[];
  line record;
  paced text[] := '{}';
  paced_at timestamptz[] := '{}';
  look_again timestamptz;
  at_rate_from timestamptz;
BEGIN
  SELECT count(*), array_agg(DISTINCT d.limit_key) INTO looked, keys
  FROM (
    SELECT l.limit_key FROM limit_look l
    WHERE l.look_at > look_after AND l.look_at <= look_until AND l.xmin IS DISTINCT FROM pg_current_xact_id_if_assigned()::xid
    ORDER BY l.look_at LIMIT max_count FOR UPDATE SKIP LOCKED
  ) AS d;
  IF looked = 0 THEN
    RETURN;
  END IF;
  -- Those of tasks that everything from here on sees; a row that comes later stays.
  WITH line AS MATERIALIZED (
    SELECT k.limit_key, (SELECT count(*) FROM limit_look l WHERE l.limit_key = k.limit_key) AS seen,
      ARRAY(SELECT l.ctid FROM limit_look l WHERE l.limit_key = k.limit_key FOR UPDATE SKIP LOCKED) AS locked
    FROM unnest(keys) AS k(limit_key)
  )
  SELECT ARRAY(SELECT n.limit_key FROM line n WHERE cardinality(n.locked) = n.seen),
    ARRAY(SELECT u.ctid FROM line n, unnest(n.locked) AS u(ctid) WHERE cardinality(n.locked) = n.seen),
    ARRAY(SELECT u.ctid FROM line n, unnest(n.locked) AS u(ctid) WHERE cardinality(n.locked) < n.seen)
  INTO mine, rows, others;
  IF cardinality(others) > 0 THEN
    -- The other session may have begun before something was put in line.
    UPDATE limit_look SET look_at = clock_timestamp() + interval '50 ms' WHERE ctid = ANY (others);
  END IF;
  -- With the locks: what was given before is seen.
  FOR line IN
    SELECT k.limit_key, p.paused_until FROM unnest(mine) AS k(limit_key)
    JOIN limit_rule r ON r.name = split_part(k.limit_key, '/', 1)
    LEFT JOIN limit_pace p ON p.limit_key = k.limit_key AND p.paused_until > clock_timestamp()
    WHERE r.gap IS NOT NULL OR p.paused_until IS NOT NULL
  LOOP
    IF line.paused_until IS NULL THEN
      SELECT f.look_at, f.admitted_from INTO look_again, at_rate_from FROM _fill_at_rate(line.limit_key) AS f;
      admitted_from := least(admitted_from, at_rate_from);
    ELSE
      look_again := line.paused_until;
    END IF;
    paced := paced || line.limit_key;
    paced_at := paced_at || look_again;
  END LOOP;
  SELECT array_agg(f.limit_key) FILTER (WHERE f.slot > 0), array_agg(f.slot) FILTER (WHERE f.slot > 0),
    array_agg(f.limit_key) FILTER (WHERE f.slot IS NULL)
  INTO free_keys, free_slots, waiting
  FROM (
    SELECT k.limit_key, s.slot
    FROM unnest(mine) AS k(limit_key)
    JOIN limit_rule r ON r.name = split_part(k.limit_key, '/', 1)
    CROSS JOIN LATERAL (SELECT CASE WHEN r.is_paused THEN 0 ELSE coalesce(r.operator_concurrency, r.concurrency) END AS count) AS n
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT t.slot FROM task t WHERE t.limit_key = k.limit_key AND t.slot > 0) AS slots) AS taken
    CROSS JOIN LATERAL (SELECT greatest(n.count - cardinality(taken.slots), 0) AS count) AS free
    CROSS JOIN LATERAL (SELECT count(*) AS count FROM (
      SELECT FROM task t WHERE t.limit_key = k.limit_key AND t.slot = 0 LIMIT free.count + 1) AS t) AS ahead
    CROSS JOIN LATERAL (
      (SELECT g AS slot FROM generate_series(1, CASE WHEN free.count > 0 THEN n.count END) AS g WHERE g <> ALL (taken.slots)
        LIMIT least(ahead.count, free.count))
      -- Somebody waits for more.
      UNION ALL SELECT NULL WHERE ahead.count > free.count
    ) AS s
    WHERE k.limit_key <> ALL (paced)
  ) AS f;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill(free_keys, free_slots, true, false);
  END IF;
  -- All rows of a key become one, or none if nobody waits: whoever puts something in line brings a row.
  WITH gone AS (
    DELETE FROM limit_look WHERE ctid = ANY (rows) RETURNING limit_key, looks
  ), again AS (
    SELECT g.limit_key, least(min(g.looks), 12) AS looks, min(g.look_at) AS look_at, bool_or(g.waits) AS waits
    FROM (
      SELECT limit_key, looks, NULL::timestamptz AS look_at, false AS waits FROM gone
      UNION ALL SELECT w.limit_key, NULL, NULL, true FROM unnest(waiting) AS w(limit_key)
      UNION ALL SELECT p.limit_key, NULL, p.look_at, EXISTS (SELECT FROM task t WHERE t.limit_key = p.limit_key AND t.slot = 0)
      FROM unnest(paced, paced_at) AS p(limit_key, look_at)
    ) AS g
    GROUP BY g.limit_key
  )
  INSERT INTO limit_look (limit_key, look_at, looks)
  SELECT a.limit_key, coalesce(a.look_at, clock_timestamp() + interval '1 s' * 2 ^ a.looks), CASE WHEN a.look_at IS NULL THEN a.looks + 1 ELSE 0 END
  FROM again a WHERE a.waits;
END $$;
