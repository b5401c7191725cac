-- Records steps of claims that hold their tasks and whose leases are not over: many flows share the statement and its commit. Returns NULL if all
-- were recorded, else a letter for each, in the order of the arrays: r: recorded; b: busy, another session has locked the task, and nothing was
-- changed; l: the claim is lost. With waits it waits for such rows instead. With repeats a step that is there already counts as recorded: behind the fence it can
-- only be this claim's own, whose answer was lost.
-- A flow that gets on is forgiven what it failed at before.
CREATE OR REPLACE FUNCTION _record_steps(
  ids bigint[], tokens bigint[], names text[], kinds text[], step_values json[], digests text[], untils timestamptz[], places int[],
  waits boolean DEFAULT false, repeats boolean DEFAULT false
) RETURNS text
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
  held bigint[];
  fresh bigint[];
BEGIN
  IF waits THEN
    PERFORM FROM unnest(ids, tokens) AS u(id, token) CROSS JOIN LATERAL (
      SELECT FROM task t WHERE t.id = u.id AND t.lease_token = u.token AND t.lease_until > clock_timestamp() FOR NO KEY UPDATE) AS h;
  END IF;
  -- NULL for what is not held, or is locked. In the order of the arrays: nothing between the subscripts and here may reorder them.
  WITH claim AS MATERIALIZED (
    SELECT i, h.id, h.is_fresh
    FROM (SELECT generate_subscripts(ids, 1) AS i) AS u
    LEFT JOIN LATERAL (
      SELECT t.id, t.has_steps IS NULL OR t.failures > 0 OR t.crashes > 0 AS is_fresh
      FROM task t WHERE t.id = ids[i] AND t.lease_token = tokens[i] AND t.lease_until > clock_timestamp()
      FOR NO KEY UPDATE SKIP LOCKED) AS h ON true
  ), recorded AS (
    INSERT INTO step (task_id, name, kind, value, digest, until, place)
    SELECT c.id, names[i], kinds[i], step_values[i], decode(digests[i], 'hex'), untils[i], places[i]
    FROM claim c WHERE c.id IS NOT NULL AND repeats IS NOT TRUE
  ), repeated AS (
    INSERT INTO step (task_id, name, kind, value, digest, until, place)
    SELECT c.id, names[i], kinds[i], step_values[i], decode(digests[i], 'hex'), untils[i], places[i]
    FROM claim c WHERE c.id IS NOT NULL AND repeats
    ON CONFLICT DO NOTHING
  )
  SELECT array_agg(c.id), array_agg(c.id) FILTER (WHERE c.is_fresh) INTO held, fresh FROM claim c;
  IF fresh IS NOT NULL THEN
    UPDATE task t SET has_steps = true, failures = 0, crashes = 0, attempt = CASE WHEN t.failures > 0 OR t.crashes > 0 THEN 1 ELSE t.attempt END
    WHERE t.id = ANY (fresh);
  END IF;
  IF array_position(held, NULL) IS NULL THEN
    RETURN NULL;
  END IF;
  RETURN array_to_string(ARRAY(
    SELECT CASE WHEN u.held IS NOT NULL THEN 'r' WHEN NOT waits AND EXISTS (
      SELECT FROM task t WHERE t.id = u.id AND t.lease_token = u.token AND t.lease_until > clock_timestamp()) THEN 'b' ELSE 'l' END
    FROM unnest(ids, tokens, held) AS u(id, token, held)), '');
END $$;
