-- Moves tasks to the dead letters if the token still holds them; a NULL token: if no claim does. The one place that
-- does. Returns the tokens it was applied to. Tasks that are marked to run once more stay.
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
BEGIN
  RETURN QUERY
  WITH gone AS (
    DELETE FROM task t
    USING unnest(ids, tokens, failure_list, reasons, details) AS u(id, token, failure, reason, detail)
    WHERE t.id = u.id AND t.lease_token IS NOT DISTINCT FROM u.token AND NOT t.rerun
    RETURNING u.token, t.id, t.queue, t.type, t.priority, t.attempt,
      CASE WHEN u.failure IS NULL THEN t.failures ELSE least(t.failures, 2147483646) + 1 END AS failures, t.crashes, t.max_attempts, t.created_at, t.deadline,
      t.unique_key, t.unique_period,
      CASE WHEN t.cancel_requested THEN 'cancelled' ELSE u.reason END AS reason,
      CASE WHEN t.cancel_requested THEN NULL ELSE u.detail END AS detail,
      t.payload, t.headers, t.retry, _error_history(t.errors, u.failure) AS errors
  ), dead AS (
    INSERT INTO dead_task (id, queue, type, priority, attempt, failures, crashes, max_attempts, created_at, deadline,
      unique_key, unique_period, died_at, reason, detail, payload, headers, retry, errors)
    SELECT g.id, g.queue, g.type, g.priority, g.attempt, g.failures, g.crashes, g.max_attempts, g.created_at, g.deadline,
      g.unique_key, g.unique_period, at, g.reason, g.detail, g.payload, g.headers, g.retry, g.errors
    FROM gone g
  )
  SELECT g.token FROM gone g;
END $$;
