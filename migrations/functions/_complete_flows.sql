-- Completes tasks that have steps; as _settle_complete, which does it once their rows are locked. Their steps go with them, 1,000 of each call at
-- most: _purge_flows finds the rest. A task that is marked to run once more begins anew, without steps.
CREATE OR REPLACE FUNCTION _complete_flows(
  ids bigint[], tokens bigint[], waits boolean DEFAULT false, claims boolean DEFAULT false, OUT settled_token bigint, OUT busy_token bigint
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
  held_tokens bigint[];
  again bigint[];
BEGIN
  IF waits THEN
    SELECT array_agg(h.id), array_agg(h.token), array_agg(h.id) FILTER (WHERE h.rerun) INTO held, held_tokens, again
    FROM (SELECT t.id, u.token, t.rerun FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token
      FOR UPDATE OF t) AS h;
  ELSE
    SELECT array_agg(h.id), array_agg(h.token), array_agg(h.id) FILTER (WHERE h.rerun) INTO held, held_tokens, again
    FROM (SELECT t.id, u.token, t.rerun FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token
      FOR UPDATE OF t SKIP LOCKED) AS h;
  END IF;
  IF again IS NOT NULL THEN
    DELETE FROM step s WHERE s.task_id = ANY (again);
    UPDATE task t SET has_steps = NULL WHERE t.id = ANY (again);
  END IF;
  DELETE FROM step WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM step s WHERE s.task_id = ANY (held) LIMIT 1000));
  DELETE FROM event_wait w WHERE w.task_id = ANY (held);
  IF held IS NOT NULL THEN
    RETURN QUERY SELECT c.settled_token, NULL::bigint FROM _settle_complete(held, held_tokens, true, claims) AS c;
  END IF;
  IF coalesce(cardinality(held), 0) < cardinality(ids) THEN
    RETURN QUERY
    SELECT NULL::bigint, u.token FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id = u.id AND t.lease_token = u.token;
  END IF;
END $$;
