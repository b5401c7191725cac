-- Records steps of claims that hold their tasks and whose leases are not over: many flows share the statement and its commit. Returns the
-- places in the arrays (from 1) of those that were recorded, and apart from them of those whose task another session has locked: nothing was
-- changed there. Nothing is said of a claim that is lost. With waits it waits for such rows instead. With repeats a step that is there already
-- counts as recorded: behind the fence it can only be this claim's own, whose answer was lost.
-- A flow that gets on is forgiven what it failed at before.
CREATE OR REPLACE FUNCTION _record_steps(
  ids bigint[], tokens bigint[], names text[], kinds text[], step_values json[], digests text[], untils timestamptz[], places int[],
  waits boolean DEFAULT false, repeats boolean DEFAULT false, OUT recorded int, OUT busy int
) RETURNS SETOF record
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
BEGIN
  -- NULL for what is not held, or is locked. In the order of the arrays: nothing between unnest and here may reorder them.
  IF waits THEN
    held := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token AND t.lease_until > clock_timestamp()
        FOR NO KEY UPDATE) AS h ON true);
  ELSE
    held := ARRAY(
      SELECT h.id FROM unnest(ids, tokens) AS u(id, token) LEFT JOIN LATERAL (
        SELECT t.id FROM task t WHERE t.id = u.id AND t.lease_token = u.token AND t.lease_until > clock_timestamp()
        FOR NO KEY UPDATE SKIP LOCKED) AS h ON true);
  END IF;
  IF repeats THEN
    INSERT INTO step (task_id, name, kind, value, digest, until, place)
    SELECT u.id, u.name, u.kind, u.value, decode(u.digest, 'hex'), u.until, u.place
    FROM unnest(held, names, kinds, step_values, digests, untils, places) AS u(id, name, kind, value, digest, until, place)
    WHERE u.id IS NOT NULL
    ON CONFLICT DO NOTHING;
  ELSE
    INSERT INTO step (task_id, name, kind, value, digest, until, place)
    SELECT u.id, u.name, u.kind, u.value, decode(u.digest, 'hex'), u.until, u.place
    FROM unnest(held, names, kinds, step_values, digests, untils, places) AS u(id, name, kind, value, digest, until, place)
    WHERE u.id IS NOT NULL;
  END IF;
  UPDATE task t SET has_steps = true, failures = 0, crashes = 0, attempt = CASE WHEN t.failures > 0 OR t.crashes > 0 THEN 1 ELSE t.attempt END
  WHERE t.id = ANY (held) AND (t.has_steps IS NULL OR t.failures > 0 OR t.crashes > 0);
  RETURN QUERY SELECT u.place::int, NULL::int FROM unnest(held) WITH ORDINALITY AS u(id, place) WHERE u.id IS NOT NULL;
  IF NOT waits AND array_position(held, NULL) IS NOT NULL THEN
    RETURN QUERY
    SELECT NULL::int, u.place::int FROM unnest(ids, tokens, held) WITH ORDINALITY AS u(id, token, held, place)
    JOIN task t ON t.id = u.id AND t.lease_token = u.token AND t.lease_until > clock_timestamp()
    WHERE u.held IS NULL;
  END IF;
END $$;
