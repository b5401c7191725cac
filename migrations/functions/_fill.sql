-- Gives free slots to those who wait for them: slots that the caller's own rows have just left, or that it found free while it holds
-- the lock of their keys (_look). So nobody else gives the same ones. Keeps to what holds now: slots above a lowered limit, of a paused
-- one, or behind a dead letter that holds its line are given to nobody.
-- Never waits: in a line without order it passes over rows that another session has locked, in an ordered one nothing passes the first.
-- What cannot be given although somebody waits is looked at again soon.
-- Where they are goes to the claim that follows in this transaction (_claim): it may remember a place behind them. Others are told if woken is NULL,
-- else only of queues that are not among these.
-- Returns the oldest due time of those it admitted.
CREATE OR REPLACE FUNCTION _fill(free_keys text[], free_slots int[], woken text[] DEFAULT NULL) RETURNS timestamptz
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
  admitted tid[];
  given int[];
  moved tid[];
  queues text[];
  oldest timestamptz;
BEGIN
  -- One array per key: as a join of slots and rows it would be quadratic.
  SELECT array_agg(w.ctid), array_agg(k.slots[w.place]) INTO admitted, given
  FROM (
    SELECT f.limit_key, r.is_ordered, array_agg(f.slot ORDER BY f.slot) AS slots
    FROM unnest(free_keys, free_slots) AS f(limit_key, slot)
    JOIN limit_rule r ON r.name = split_part(f.limit_key, '/', 1)
    WHERE NOT r.is_paused AND f.slot <= coalesce(r.operator_concurrency, r.concurrency)
    GROUP BY f.limit_key, r.is_ordered
  ) AS k
  CROSS JOIN LATERAL (
    SELECT c.ctid, (row_number() OVER ())::int AS place
    FROM (
      SELECT t.ctid
      FROM (
        SELECT h.ctid FROM task h WHERE h.limit_key = k.limit_key AND h.slot = 0
        ORDER BY h.limit_key, (CASE WHEN h.is_ordered THEN 0 ELSE h.priority END), h.id
        LIMIT cardinality(k.slots) + CASE WHEN k.is_ordered THEN 0 ELSE 10 END
      ) AS h
      JOIN task t ON t.ctid = h.ctid
      WHERE t.slot = 0
      LIMIT cardinality(k.slots) FOR UPDATE OF t SKIP LOCKED
    ) AS c
  ) AS w
  WHERE NOT EXISTS (SELECT FROM dead_task d WHERE d.limit_key = k.limit_key AND d.holds);
  IF admitted IS NOT NULL THEN
    WITH filled AS (
      UPDATE task t SET slot = u.slot, ready = true, lease_until = 'epoch'
      FROM unnest(admitted, given) AS u(ctid, slot) WHERE t.ctid = u.ctid
      RETURNING t.ctid, t.queue, t.due_at
    )
    SELECT array_agg(f.ctid), array_agg(DISTINCT f.queue::text), min(f.due_at) INTO moved, queues, oldest FROM filled f;
    PERFORM set_config('taskqueue.admitted',
      (coalesce(nullif(current_setting('taskqueue.admitted', true), '')::tid[], '{}') || moved)::text, true);
    queues := ARRAY(SELECT E'\x01' || q FROM unnest(queues) AS q WHERE woken IS NULL OR q <> ALL (woken));
    IF queues <> '{}' THEN
      PERFORM _wake(queues);
    END IF;
  END IF;
  IF coalesce(cardinality(admitted), 0) < cardinality(free_slots) THEN
    -- Whose first in line is locked.
    INSERT INTO limit_look (limit_key, look_at)
    SELECT k.limit_key, clock_timestamp() + interval '1 s'
    FROM (SELECT DISTINCT limit_key FROM unnest(free_keys) AS f(limit_key)) AS k
    WHERE EXISTS (SELECT FROM task t WHERE t.limit_key = k.limit_key AND t.slot = 0)
      AND NOT EXISTS (SELECT FROM limit_look l WHERE l.limit_key = k.limit_key AND l.look_at < clock_timestamp() + interval '1 s');
  END IF;
  RETURN oldest;
END $$;
