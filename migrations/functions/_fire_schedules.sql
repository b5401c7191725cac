-- Moves schedules on to their next slots and stores the tasks of those that have come, all in one step: a schedule that is not as it was
-- seen (revision, slot), not due by this clock, paused, or locked by another worker that does the same, is passed over. One whose earlier task
-- a transaction has locked, such as that of a handler that completes it, is put off for a second: nothing here waits for a handler. problems: why a rule cannot be
-- read; such a schedule keeps its slot and is looked at again after 5 minutes.
-- Returns how many were moved on.
CREATE OR REPLACE FUNCTION _fire_schedules(
  names text[], revisions int[], seen_slots timestamptz[], next_slots timestamptz[], next_ats timestamptz[], problems text[],
  task_names text[], task_slots timestamptz[], wakes boolean
) RETURNS int
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  won text[];
  busy text[];
BEGIN
  won := ARRAY(
    SELECT s.name FROM unnest(names, revisions, seen_slots) AS f(name, revision, slot) JOIN schedule s ON s.name = f.name
    WHERE s.revision = f.revision AND s.slot IS NOT DISTINCT FROM f.slot AND NOT s.paused AND s.next_at <= at
    FOR UPDATE OF s SKIP LOCKED);
  IF won = '{}' THEN
    RETURN 0;
  END IF;
  -- Those with an earlier task, as far as is committed.
  busy := ARRAY(
    SELECT s.name FROM schedule s JOIN task t
      ON t.queue = coalesce(s.definition ->> 'queue', 'default') AND t.unique_key = 'schedule:' || s.name
    WHERE s.name = ANY (won) AND s.definition ->> 'overlap' <> 'queue');
  IF busy <> '{}' THEN
    -- To keep a key from being freed meanwhile, the weakest lock is enough; to replace a task it takes the strongest.
    busy := ARRAY(
      SELECT b.name FROM unnest(busy) AS b(name) JOIN schedule s ON s.name = b.name
      WHERE NOT CASE WHEN s.definition ->> 'overlap' = 'replace' THEN EXISTS (
          SELECT FROM task t WHERE t.queue = coalesce(s.definition ->> 'queue', 'default') AND t.unique_key = 'schedule:' || s.name
          FOR UPDATE SKIP LOCKED)
        ELSE EXISTS (
          SELECT FROM task t WHERE t.queue = coalesce(s.definition ->> 'queue', 'default') AND t.unique_key = 'schedule:' || s.name
          FOR KEY SHARE SKIP LOCKED) END);
    UPDATE schedule s SET next_at = at + interval '1 second' WHERE s.name = ANY (busy);
  END IF;
  UPDATE schedule s SET slot = CASE WHEN f.problem IS NULL THEN f.next_slot ELSE s.slot END,
    next_at = CASE WHEN f.problem IS NULL THEN coalesce(f.next_at, 'infinity') ELSE at + interval '5 minutes' END,
    problem = f.problem
  FROM unnest(names, next_slots, next_ats, problems) AS f(name, next_slot, next_at, problem)
  WHERE s.name = f.name AND s.name = ANY (won) AND s.name <> ALL (busy);
  UPDATE schedule s SET last_slot = t.slot, last_at = at, last_task_id = t.task_id
  FROM (
    SELECT DISTINCT ON (t.name) t.name, t.slot, t.task_id FROM _schedule_tasks(
      ARRAY(SELECT f.name FROM unnest(task_names, task_slots) WITH ORDINALITY AS f(name, slot, ord)
        WHERE f.name = ANY (won) AND f.name <> ALL (busy) ORDER BY f.ord),
      ARRAY(SELECT f.slot FROM unnest(task_names, task_slots) WITH ORDINALITY AS f(name, slot, ord)
        WHERE f.name = ANY (won) AND f.name <> ALL (busy) ORDER BY f.ord),
      false, wakes) AS t
    WHERE t.is_new OR EXISTS (SELECT FROM schedule o WHERE o.name = t.name AND o.definition ->> 'overlap' = 'replace')
    ORDER BY t.name, t.slot DESC
  ) AS t
  WHERE s.name = t.name;
  RETURN cardinality(won);
END $$;
