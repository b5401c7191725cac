-- Schedules to be looked at now, at most max_count, without locks: those whose slots have come before those that are to be planned, of which
-- there may be many. The last row has no name: the store's clock, in how many seconds the next schedule is due (NULL: none), and whether
-- there is any at all.
CREATE OR REPLACE FUNCTION _due_schedules(max_count int)
RETURNS TABLE (
  name text, revision int, rule text, time_zone text, catch_up int, jitter float8, slot timestamptz,
  store_time timestamptz, next_due_in float8, has_any boolean
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
  SELECT s.name, s.revision, s.definition ->> 'rule', coalesce(s.definition ->> 'timeZone', 'UTC'),
    coalesce((s.definition ->> 'catchUp')::int, 1), coalesce((s.definition ->> 'jitterSeconds')::float8, 0), s.slot, at,
    NULL::float8, true
  FROM schedule s
  WHERE s.name = ANY (ARRAY(SELECT d.name FROM schedule d
      WHERE NOT d.paused AND d.next_at > '-infinity' AND d.next_at <= at ORDER BY d.next_at LIMIT max_count)
    || ARRAY(SELECT d.name FROM schedule d WHERE NOT d.paused AND d.next_at = '-infinity' LIMIT max_count))
  ORDER BY s.next_at = '-infinity', s.next_at LIMIT max_count;
  RETURN QUERY
  SELECT NULL::text, 0, NULL::text, NULL::text, 0, 0::float8, NULL::timestamptz, at,
    (SELECT extract(epoch FROM s.next_at - at)::float8 FROM schedule s
      WHERE NOT s.paused AND s.next_at > at AND s.next_at < at + interval '100 years' ORDER BY s.next_at LIMIT 1),
    EXISTS (SELECT FROM schedule);
END $$;
