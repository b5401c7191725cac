-- Completes tasks whose end concerns more than their rows: flows, members of groups, and those that leave a result or are to be kept; as
-- _settle_complete, which does it once their rows are locked. results and retains: NULL for none, of all or of one; a result without either is kept for a day, but
-- a group's member's, which the group has. Steps go with their tasks, 1,000 of each call at most: _purge_flows finds the rest. A task that is
-- marked to run once more begins anew, without steps, and leaves nothing.
CREATE OR REPLACE FUNCTION _conclude(
  ids bigint[], tokens bigint[], results json[], retains interval[], waits boolean DEFAULT false, claims boolean DEFAULT false,
  OUT settled_token bigint, OUT busy_token bigint
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
  at timestamptz;
  held bigint[];
  held_tokens bigint[];
  again bigint[];
  has_members boolean;
BEGIN
  IF waits THEN
    SELECT array_agg(h.id), array_agg(h.token), array_agg(h.id) FILTER (WHERE h.rerun), bool_or(h.member > 0)
    INTO held, held_tokens, again, has_members
    FROM (
      SELECT t.id, u.token, t.rerun, t.member FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
      FOR UPDATE OF t) AS h;
  ELSE
    SELECT array_agg(h.id), array_agg(h.token), array_agg(h.id) FILTER (WHERE h.rerun), bool_or(h.member > 0)
    INTO held, held_tokens, again, has_members
    FROM (
      SELECT t.id, u.token, t.rerun, t.member FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
      FOR UPDATE OF t SKIP LOCKED) AS h;
  END IF;
  IF held IS NOT NULL THEN
    at := clock_timestamp();
    IF again IS NOT NULL THEN
      DELETE FROM step s WHERE s.task_id = ANY (again);
      UPDATE task t SET has_steps = NULL WHERE t.id = ANY (again);
    END IF;
    IF results IS NOT NULL OR retains IS NOT NULL THEN
      FOR try IN 1..5 LOOP
        BEGIN
          INSERT INTO done (id, queue, type, attempt, created_at, done_at, expires_at, result)
          SELECT t.id, t.queue, t.type, t.attempt, t.created_at, at, at + k.retain, u.result
          FROM unnest(ids, tokens, results, retains) AS u(id, token, result, retain)
          JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
          CROSS JOIN LATERAL (
            SELECT CASE WHEN u.retain IS NOT NULL THEN least(u.retain, interval '366 days')
              WHEN u.result IS NOT NULL AND t.group_id IS NULL THEN interval '1 day' END AS retain) AS k
          WHERE u.id = ANY (held) AND NOT t.rerun AND k.retain > interval '0';
          EXIT;
        EXCEPTION WHEN check_violation THEN
          -- Its day got a partition just now. What fails for another reason fails again.
          IF try = 5 THEN
            RAISE;
          END IF;
        END;
      END LOOP;
    END IF;
    -- Counted by a look, once this is committed: _count_ends. The worker that settles looks a moment later; what an app's transaction settles,
    -- whose commit may come later than that, is told at commit.
    IF has_members THEN
      WITH ended AS (
        INSERT INTO group_end (group_id, member, task_id, outcome, value)
        SELECT t.group_id, t.member, t.id, 'completed', u.result
        FROM unnest(ids, tokens, results) AS u(id, token, result) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token
        WHERE u.id = ANY (held) AND t.member > 0 AND NOT t.rerun
        ON CONFLICT DO NOTHING
        RETURNING group_id
      )
      INSERT INTO event_look (event_key, look_at) SELECT DISTINCT '~group/' || e.group_id, at + interval '20 ms' FROM ended e;
      IF FOUND AND waits THEN
        PERFORM _wake(ARRAY(SELECT DISTINCT E'\x01' || t.queue FROM unnest(held) AS u(id) JOIN task t ON t.id BETWEEN u.id AND u.id WHERE t.member > 0));
      END IF;
    END IF;
    -- One statement: the start of each costs as much as its work.
    WITH children AS (
      UPDATE task_group g SET expires_at = at WHERE g.parent_id = ANY (held)
    ), steps AS (
      DELETE FROM step WHERE ctid = ANY (ARRAY(SELECT s.ctid FROM step s WHERE s.task_id = ANY (held) LIMIT 1000))
    )
    DELETE FROM event_wait w WHERE w.task_id = ANY (held);
    RETURN QUERY SELECT c.settled_token, NULL::bigint FROM _settle_complete(held, held_tokens, true, claims) AS c;
  END IF;
  IF coalesce(cardinality(held), 0) < cardinality(ids) THEN
    RETURN QUERY
    SELECT NULL::bigint, u.token FROM unnest(ids, tokens) AS u(id, token) JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token = u.token;
  END IF;
END $$;
