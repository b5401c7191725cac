-- Admits the first in line of a limit with a rate. The caller holds the lock of their key (_look).
-- GCRA (ITU-T I.371; ATM Forum, Traffic Management 4.0, as "virtual scheduling"): with the time T between two admissions and a burst of b,
-- an admission is stamped s = max(next_at, now - (b - 1) T), and next_at becomes s + T. One of weight w stands for w of them, and is
-- stamped as the last of those: s + (w - 1) T; where w is above b, b counts as w. So stamps of one key are at least T apart but for the
-- burst, and no two are given for one moment, whatever sessions, processes and clocks of programs do.
-- Whose deadline has passed is not charged and has no stamp: the claim that takes it makes it a dead letter.
-- Charged ahead: stamps up to 400 ms from now are given, so that nothing is lost by looks that come late. Tasks whose stamp is past are
-- ready, the others become due at their stamps (_promote).
-- look_at: a moment before the next stamp; NULL: that is not what the next in line waits for. admitted_from: the oldest due time made ready.
-- Waits for nothing: where another transaction makes the first charge of the key (take_limit), it looks again. A change of the limit and a
-- first charge do not pass each other: see _limit_changed.
CREATE OR REPLACE FUNCTION _fill_at_rate(line text, OUT look_at timestamptz, OUT admitted_from timestamptz)
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
#variable_conflict use_column
DECLARE
  horizon constant interval := '400 ms';
  lead constant interval := '300 ms'; -- a busy worker promotes every 200 ms
  at timestamptz;
  rule record;
  first_weight int;
  start timestamptz;
  max_count int;
  free int[];
  tids tid[];
  stamps timestamptz[];
  units bigint;
  queues text[];
BEGIN
  SELECT CASE WHEN t.deadline <= clock_timestamp() THEN 0 ELSE coalesce(t.weight, 1) END INTO first_weight
  FROM task t WHERE t.limit_key = line AND t.slot = 0
  ORDER BY t.limit_key, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT p.next_at INTO start FROM limit_pace p WHERE p.limit_key = line FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    IF NOT EXISTS (SELECT FROM limit_pace p WHERE p.limit_key = line) THEN
      PERFORM FROM limit_rule r WHERE r.name = split_part(line, '/', 1) FOR KEY SHARE SKIP LOCKED;
      IF FOUND THEN
        INSERT INTO limit_pace (limit_key, next_at)
        SELECT line, '-infinity' WHERE pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.pace:' || line, 0))
        ON CONFLICT DO NOTHING;
      END IF;
    END IF;
    IF NOT FOUND THEN
      look_at := clock_timestamp() + interval '50 ms';
      RETURN;
    END IF;
    start := '-infinity';
  END IF;
  -- With the lock: as it is after the last change.
  SELECT r.gap, r.is_paused, coalesce(r.operator_burst, r.burst) AS burst, coalesce(r.operator_concurrency, r.concurrency) AS concurrency
  INTO rule FROM limit_rule r WHERE r.name = split_part(line, '/', 1);
  at := clock_timestamp();
  IF rule.is_paused THEN
    RETURN;
  ELSIF rule.gap IS NULL THEN
    look_at := at;
    RETURN;
  END IF;
  start := greatest(start, at - rule.gap * (greatest(rule.burst, first_weight) - 1));
  IF first_weight = 0 THEN
    max_count := 1000;
  ELSIF start + rule.gap * (first_weight - 1) > at + horizon THEN
    look_at := start + rule.gap * (first_weight - 1) - lead;
    RETURN;
  ELSE
    max_count := least(1000, 1 + floor(extract(epoch FROM at + horizon - start) / extract(epoch FROM rule.gap)));
  END IF;
  free := ARRAY(
    SELECT g FROM generate_series(1, rule.concurrency) AS g
    EXCEPT SELECT t.slot FROM task t WHERE t.limit_key = line AND t.slot > 0
    ORDER BY 1 LIMIT max_count);
  SELECT array_agg(c.ctid ORDER BY c.place), array_agg(c.stamp ORDER BY c.place), coalesce(sum(c.weight), 0) INTO tids, stamps, units
  FROM (
    SELECT c.ctid, c.place, c.weight, CASE WHEN c.weight = 0 THEN at ELSE start + rule.gap * (c.units - 1)::float8 END AS stamp
    FROM (
      SELECT c.ctid, c.place, c.weight, sum(c.weight) OVER (ORDER BY c.place) AS units
      FROM (
        SELECT c.ctid, c.weight, row_number() OVER () AS place
        FROM (
          SELECT t.ctid, CASE WHEN t.deadline <= at THEN 0 ELSE coalesce(t.weight, 1) END AS weight
          FROM task t WHERE t.limit_key = line AND t.slot = 0
          ORDER BY t.limit_key, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id
          LIMIT cardinality(free) FOR UPDATE SKIP LOCKED
        ) AS c
      ) AS c
    ) AS c
  ) AS c
  WHERE c.stamp <= at + horizon;
  IF tids IS NULL THEN
    -- No slot is free, or the first in line are locked.
    look_at := NULL;
    RETURN;
  END IF;
  start := start + rule.gap * units::float8;
  UPDATE limit_pace p SET next_at = start WHERE p.limit_key = line;
  WITH filled AS (
    UPDATE task t SET slot = u.slot, due_at = greatest(t.due_at, u.stamp), ready = u.stamp <= at,
      lease_until = CASE WHEN u.stamp <= at THEN 'epoch' ELSE '-infinity' END::timestamptz
    FROM unnest(tids, free, stamps) AS u(ctid, slot, stamp) WHERE t.ctid = u.ctid
    RETURNING t.queue, t.due_at, t.ready
  )
  SELECT array_agg(DISTINCT E'\x01' || f.queue), min(f.due_at) FILTER (WHERE f.ready) INTO queues, admitted_from FROM filled f;
  PERFORM _wake(queues);
  -- The next one's weight is looked at then. There may be more whose deadline has passed.
  look_at := CASE WHEN first_weight = 0 THEN at ELSE greatest(start - lead, at) END;
END $$;
