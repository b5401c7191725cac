-- Stores the tasks of slots, in their order. A slot travels as a header. Overlap: a unique key of the schedule; a task of the past that is
-- made on purpose has one of its slot.
CREATE OR REPLACE FUNCTION _schedule_tasks(names text[], slots timestamptz[], is_past boolean, wakes boolean)
RETURNS TABLE (name text, slot timestamptz, task_id bigint, is_new boolean)
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  WITH u AS MATERIALIZED (
    SELECT s.name, u.slot, u.ord, s.definition AS d, s.payload,
      to_char(u.slot AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS slot_text,
      coalesce(s.definition ->> 'overlap', 'queue') AS overlap
    FROM unnest(names, slots) WITH ORDINALITY AS u(name, slot, ord) JOIN schedule s ON s.name = u.name
  ), a AS MATERIALIZED (
    SELECT array_agg(d ->> 'type' ORDER BY ord) AS types, array_agg(payload::json ORDER BY ord) AS payloads,
      array_agg(d ->> 'queue' ORDER BY ord) AS queues, array_agg((d ->> 'priority')::int ORDER BY ord) AS priorities,
      CASE WHEN is_past THEN array_agg('schedule:' || u.name || '@' || slot_text ORDER BY ord)
        WHEN bool_or(overlap <> 'queue') THEN array_agg(CASE WHEN overlap <> 'queue' THEN 'schedule:' || u.name END ORDER BY ord)
        ELSE '{}' END AS unique_keys,
      array_agg(CASE WHEN overlap = 'replace' AND NOT is_past THEN 'replace' ELSE 'keep_existing' END ORDER BY ord) AS modes,
      array_agg(coalesce((d ->> 'maxAttempts')::int, 0) ORDER BY ord) AS max_attempts,
      CASE WHEN count(d -> 'limit') = 0 THEN '{}' ELSE array_agg(d ->> 'limit' ORDER BY ord) END AS limits,
      CASE WHEN count(d -> 'retry') = 0 THEN '{}' ELSE array_agg(d -> 'retry' ORDER BY ord) END AS retries,
      array_agg((coalesce((d -> 'headers')::jsonb, '{}') || jsonb_build_object('taskqueue-schedule', u.name,
        'taskqueue-scheduled-for', slot_text))::json ORDER BY ord) AS headers
    FROM u
  ), t AS MATERIALIZED (
    SELECT t.task_id, t.is_new, t.ord FROM a CROSS JOIN LATERAL _enqueue_many(
      types => a.types, payloads => a.payloads, queues => a.queues, priorities => a.priorities, delays => '{}', due_ats => '{}',
      unique_keys => a.unique_keys, unique_modes => CASE WHEN a.unique_keys = '{}' THEN '{}' ELSE a.modes END, unique_periods => '{}',
      max_attempts => a.max_attempts, retries => a.retries, headers => a.headers, deadlines => '{}', wakes => wakes, limits => a.limits
    ) WITH ORDINALITY AS t(task_id, is_new, ord) WHERE a.types IS NOT NULL
  )
  SELECT u.name, u.slot, t.task_id, t.is_new FROM t JOIN (SELECT u.name, u.slot, row_number() OVER (ORDER BY u.ord) AS ord FROM u) AS u
    ON u.ord = t.ord ORDER BY t.ord
$$;
