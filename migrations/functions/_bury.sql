-- Moves tasks to the dead letters if the token still holds them; a NULL token: if no claim does. The one place that
-- does. Returns the tokens it was applied to. Tasks that are marked to run once more stay. Slots go to the next in line after the commit (it may be a
-- transaction of anybody's), unless the rule says that a dead letter holds its line. A flow with something to undo stays for that (_unwind). A group's member has ended
-- with it, whatever becomes of the letter: its group counts that once it is committed (_count_ends).
CREATE OR REPLACE FUNCTION _bury(ids bigint[], tokens bigint[], failure_list json[], reasons text[], details text[])
RETURNS SETOF bigint
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
  at timestamptz := clock_timestamp();
  buried bigint[];
  free_keys text[];
  unwound bigint[] := '{}';
  group_queues text[];
BEGIN
  IF EXISTS (SELECT FROM unnest(ids) AS u(id) JOIN task t ON t.id BETWEEN u.id AND u.id WHERE t.has_steps) THEN
    unwound := _unwind(ids, tokens, failure_list, reasons, details);
    RETURN QUERY SELECT u.token FROM unnest(ids, tokens) AS u(id, token) WHERE u.id = ANY (unwound);
  END IF;
  WITH gone AS (
    DELETE FROM task t
    USING unnest(ids, tokens, failure_list, reasons, details) AS u(id, token, failure, reason, detail)
    WHERE t.id BETWEEN u.id AND u.id AND t.lease_token IS NOT DISTINCT FROM u.token AND NOT t.rerun AND t.id <> ALL (unwound)
    RETURNING u.token, t.id, t.queue, t.type, t.priority, t.attempt,
      CASE WHEN u.failure IS NULL THEN t.failures ELSE least(t.failures, 2147483646) + 1 END AS failures, t.crashes, t.max_attempts, t.created_at, t.deadline,
      t.unique_key, t.unique_period,
      CASE WHEN t.cancel_requested THEN 'cancelled' ELSE u.reason END AS reason,
      CASE WHEN t.cancel_requested THEN NULL ELSE u.detail END AS detail,
      t.payload, t.headers, t.retry, _error_history(t.errors, u.failure) AS errors, t.limit_key, t.slot, t.is_ordered, t.weight,
      t.group_id, t.member
  ), dead AS (
    INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, max_attempts, created_at, deadline,
      unique_key, unique_period, died_at, reason, detail, payload, headers, retry, errors, limit_key, is_ordered, weight, holds)
    SELECT g.id, g.queue, g.type, g.priority, g.attempt, g.failures, g.crashes, g.max_attempts, g.created_at, g.deadline,
      g.unique_key, g.unique_period, at, g.reason, g.detail, g.payload, g.headers, g.retry, g.errors, g.limit_key,
      g.is_ordered, g.weight, coalesce(g.is_ordered, false) AND g.reason <> 'cancelled'
        AND EXISTS (SELECT FROM limit_rule r WHERE r.name = split_part(g.limit_key, '/', 1) AND r.holds)
    FROM gone g
  ), ended AS (
    INSERT INTO group_end (group_id, member, task_id, outcome, detail)
    SELECT g.group_id, g.member, g.id, g.reason, left(coalesce(g.detail, g.errors -> -1 ->> 'message'), 1000) FROM gone g WHERE g.member > 0
    ON CONFLICT DO NOTHING
    RETURNING group_id
  ), looks AS (
    INSERT INTO event_look (event_key, look_at) SELECT '~group/' || e.group_id, at FROM ended e
  )
  SELECT array_agg(g.token), array_agg(g.limit_key::text) FILTER (WHERE g.slot > 0),
    array_agg(DISTINCT E'\x01' || g.queue) FILTER (WHERE g.member > 0)
  INTO buried, free_keys, group_queues FROM gone g;
  IF group_queues IS NOT NULL THEN
    PERFORM _wake(group_queues);
  END IF;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill_later(free_keys);
  END IF;
  RETURN QUERY SELECT u.token FROM unnest(buried) AS u(token);
END $$;
