-- Looks at keys of events that are to be looked at, at most max_count, of those to be looked at after a time: where the event has come, those
-- who wait for it get it as a step, and what of them no worker holds is due from now on (_promote goes on with it). A task that a worker holds
-- finds the step, or the event itself, when it looks. Never waits: a task that another session has locked is looked at again a moment later.
-- Groups of tasks of which some have ended are counted first, which are events, too.
-- Returns how many rows it looked at.
CREATE OR REPLACE FUNCTION _look_at_events(max_count int, look_after timestamptz, look_until timestamptz) RETURNS int
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
  -- Of one look; the next one goes on.
  most CONSTANT int := 1000;
  looked int;
  keys text[];
  wait_keys text[];
  wait_tasks bigint[];
  wait_steps text[];
  held bigint[];
  groups bigint[];
BEGIN
  WITH looks AS (
    DELETE FROM event_look WHERE ctid = ANY (ARRAY(
      SELECT l.ctid FROM event_look l WHERE l.look_at > look_after AND l.look_at <= look_until
      ORDER BY l.look_at LIMIT max_count FOR UPDATE SKIP LOCKED))
    RETURNING event_key
  )
  SELECT count(*), array_agg(DISTINCT l.event_key) INTO looked, keys FROM looks l;
  IF looked = 0 THEN
    RETURN 0;
  END IF;
  -- From here on everything is seen that was committed before the looks were.
  groups := ARRAY(SELECT substr(k, 8)::bigint FROM unnest(keys) AS k WHERE k ~ '^~group/[0-9]{1,18}$');
  IF cardinality(groups) > 0 THEN
    keys := keys || _count_ends(groups, look_until);
  END IF;
  SELECT array_agg(w.event_key), array_agg(w.task_id), array_agg(w.step_name) INTO wait_keys, wait_tasks, wait_steps
  FROM (
    SELECT w.event_key::text, w.task_id, w.step_name::text
    FROM unnest(keys) AS k JOIN event e ON e.key = k AND e.expires_at > clock_timestamp() JOIN event_wait w ON w.event_key = k
    LIMIT most
  ) AS w;
  IF wait_keys IS NULL THEN
    RETURN looked;
  END IF;
  -- What is decided about a flow is decided under the lock of its task.
  held := ARRAY(
    SELECT t.id FROM unnest(wait_tasks) AS u(id) JOIN task t ON t.id BETWEEN u.id AND u.id FOR NO KEY UPDATE OF t SKIP LOCKED);
  UPDATE step s SET kind = 'event', value = e.payload, until = NULL
  FROM unnest(wait_keys, wait_tasks, wait_steps) AS w(key, task_id, name) JOIN event e ON e.key = w.key
  WHERE s.task_id = w.task_id AND s.name = w.name AND s.kind = 'wait' AND w.task_id = ANY (held);
  UPDATE task t SET due_at = look_until
  WHERE t.id = ANY (held) AND t.lease_token IS NULL AND NOT t.ready AND t.finished_at IS NULL AND t.due_at > look_until;
  -- Those whose task is gone, too.
  DELETE FROM event_wait w USING unnest(wait_keys, wait_tasks, wait_steps) AS u(key, task_id, name)
  WHERE w.event_key = u.key AND w.task_id = u.task_id AND w.step_name = u.name
    AND (w.task_id = ANY (held) OR NOT EXISTS (SELECT FROM task t WHERE t.id = w.task_id));
  INSERT INTO event_look (event_key, look_at)
  SELECT k, CASE WHEN cardinality(wait_keys) >= most THEN look_until ELSE look_until + interval '100 ms' END
  FROM unnest(keys) AS k
  WHERE (k = ANY (wait_keys) OR cardinality(wait_keys) >= most) AND EXISTS (SELECT FROM event_wait w WHERE w.event_key = k);
  RETURN looked;
END $$;
