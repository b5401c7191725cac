-- All queues at a glance, by name, at most max_queues: those with ready tasks, found from one to the next by index; those that workers serve; paused ones;
-- and those of the first tasks that wait and of the latest dead letters. What is counted is counted to 1,000, or less if there are very many queues, and
-- from bounded looks: is_more says of each count that there may be more. The first row has no queue: effects without a known outcome.
CREATE OR REPLACE FUNCTION _overview(
  max_queues int, max_look int,
  OUT queue text, OUT paused_at timestamptz, OUT due int, OUT due_more boolean, OUT limited int, OUT limited_more boolean, OUT running int,
  OUT running_more boolean, OUT waiting int, OUT waiting_more boolean, OUT dead int, OUT dead_more boolean, OUT oldest_due_at timestamptz,
  OUT workers int
) RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path FROM CURRENT
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
  -- Nothing is counted further.
  most int := 1000;
  names text[];
BEGIN
  -- Calls of which nobody knows whether they happened.
  SELECT count(*), min(e.intended_at) INTO due, oldest_due_at FROM (
    SELECT * FROM (SELECT x.intended_at FROM effect x WHERE x.state IN ('intended', 'unknown', 'parked') ORDER BY x.intended_at LIMIT most + 1) AS x
    UNION ALL
    SELECT * FROM (SELECT x.intended_at FROM effect x WHERE x.contradicted AND x.state NOT IN ('intended', 'unknown', 'parked')
      ORDER BY x.changed_at LIMIT most + 1) AS x) AS e;
  due_more := due > most;
  due := least(due, most);
  RETURN NEXT;

  names := ARRAY(
    WITH RECURSIVE q (name) AS (
      (SELECT t.queue FROM task t WHERE t.ready ORDER BY t.queue LIMIT 1)
      UNION ALL
      SELECT (SELECT t.queue FROM task t WHERE t.ready AND t.queue > q.name ORDER BY t.queue LIMIT 1) FROM q WHERE q.name IS NOT NULL)
    SELECT q.name::text FROM q WHERE q.name IS NOT NULL LIMIT max_queues);
  -- With as many queues less is looked at in each.
  most := least(most, greatest(20, 2 * max_look / greatest(1, cardinality(names))));
  RETURN QUERY
  WITH w AS MATERIALIZED (
    SELECT x.queue::text AS queue, x.due_at FROM (
      SELECT t.queue, t.due_at FROM task t WHERE NOT t.ready AND t.finished_at IS NULL AND t.slot IS DISTINCT FROM 0
      ORDER BY t.due_at LIMIT max_look) AS x
  ), l AS MATERIALIZED (
    SELECT x.queue::text AS queue FROM (
      SELECT t.queue FROM task t WHERE t.slot = 0
      ORDER BY t.limit_key, (CASE WHEN t.is_ordered THEN 0 ELSE t.priority END), t.id LIMIT max_look) AS x
  ), d AS MATERIALIZED (
    SELECT x.queue::text AS queue FROM (SELECT d.queue FROM dead_task d ORDER BY d.died_at DESC LIMIT max_look) AS x
  ), s AS MATERIALIZED (
    SELECT y AS queue, count(*)::int AS workers FROM worker v CROSS JOIN LATERAL unnest(v.queues) AS y
    WHERE v.seen_at > at - interval '2 min' GROUP BY y
  ), wc AS MATERIALIZED (
    -- Due are those that are about to be promoted.
    SELECT w.queue, (count(*) FILTER (WHERE w.due_at > at))::int AS waiting, (count(*) FILTER (WHERE w.due_at <= at))::int AS due,
      min(w.due_at) FILTER (WHERE w.due_at <= at) AS oldest
    FROM w GROUP BY w.queue
  ), lc AS MATERIALIZED (SELECT l.queue, count(*)::int AS limited FROM l GROUP BY l.queue),
  dc AS MATERIALIZED (SELECT d.queue, count(*)::int AS dead FROM d GROUP BY d.queue),
  full_looks AS MATERIALIZED (
    SELECT (SELECT count(*) FROM w) >= max_look AS w, (SELECT count(*) FROM l) >= max_look AS l, (SELECT count(*) FROM d) >= max_look AS d
  ), n AS MATERIALIZED (
    SELECT DISTINCT x.name COLLATE "C" AS name FROM (
      SELECT unnest(names) UNION ALL SELECT s.queue FROM s UNION ALL SELECT p.queue FROM paused_queue p UNION ALL SELECT wc.queue FROM wc
      UNION ALL SELECT lc.queue FROM lc UNION ALL SELECT dc.queue FROM dc) AS x(name)
    ORDER BY 1 LIMIT max_queues
  )
  SELECT n.name::text, p.paused_at,
    least(most, r.due + coalesce(wc.due, 0)), r.due + coalesce(wc.due, 0) > most OR r.seen > 2 * most,
    least(most, coalesce(lc.limited, 0)), coalesce(lc.limited, 0) > most OR f.l,
    least(most, r.running), r.running > most,
    least(most, coalesce(wc.waiting, 0) + r.waiting), coalesce(wc.waiting, 0) + r.waiting > most OR f.w,
    least(most, coalesce(dc.dead, 0)), coalesce(dc.dead, 0) > most OR f.d,
    least(o.due_at, wc.oldest), coalesce(s.workers, 0)
  FROM n CROSS JOIN full_looks f
  CROSS JOIN LATERAL (
    SELECT count(*)::int AS seen, (count(*) FILTER (WHERE x.lease_until > at))::int AS running,
      (count(*) FILTER (WHERE x.lease_until <= at AND x.due_at <= at))::int AS due,
      (count(*) FILTER (WHERE x.lease_until <= at AND x.due_at > at))::int AS waiting
    FROM (SELECT t.lease_until, t.due_at FROM task t WHERE t.ready AND t.queue = n.name ORDER BY t.priority, t.due_at, t.id LIMIT 2 * most + 1) AS x
  ) AS r
  -- The first one of each priority that no worker holds.
  CROSS JOIN LATERAL (
    WITH RECURSIVE y (priority, place) AS (
      (SELECT t.priority, 1 FROM task t WHERE t.ready AND t.queue = n.name ORDER BY t.priority LIMIT 1)
      UNION ALL
      SELECT (SELECT t.priority FROM task t WHERE t.ready AND t.queue = n.name AND t.priority > y.priority ORDER BY t.priority LIMIT 1), y.place + 1
      FROM y WHERE y.priority IS NOT NULL AND y.place < 20)
    SELECT min(x.due_at) AS due_at FROM y CROSS JOIN LATERAL (
      SELECT z.due_at FROM (
        SELECT t.due_at, t.lease_until FROM task t WHERE t.ready AND t.queue = n.name AND t.priority = y.priority
        ORDER BY t.due_at, t.id LIMIT most) AS z
      WHERE z.lease_until <= at AND z.due_at <= at LIMIT 1) AS x
  ) AS o
  LEFT JOIN wc ON wc.queue = n.name LEFT JOIN lc ON lc.queue = n.name LEFT JOIN dc ON dc.queue = n.name
  LEFT JOIN s ON s.queue = n.name LEFT JOIN paused_queue p ON p.queue = n.name
  ORDER BY n.name;
END $$;
