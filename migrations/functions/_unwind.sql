-- Of tasks that are to become dead letters: those that are flows with registered compensations, and are not being undone already, stay for it,
-- due at once. The mark in the journal keeps why they fail. A deadline counts no more. Called by _bury, with the rows locked. Returns their ids.
CREATE OR REPLACE FUNCTION _unwind(ids bigint[], tokens bigint[], failure_list json[], reasons text[], details text[]) RETURNS bigint[]
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
  unwound bigint[];
BEGIN
  WITH marked AS (
    INSERT INTO step (task_id, name, kind, value, place)
    SELECT t.id, '~unwind', 'unwind', json_build_object(
      'reason', CASE WHEN t.cancel_requested THEN 'cancelled' ELSE u.reason END, 'detail', CASE WHEN NOT t.cancel_requested THEN u.detail END), 0
    FROM unnest(ids, tokens, reasons, details) AS u(id, token, reason, detail)
    JOIN task t ON t.id BETWEEN u.id AND u.id AND t.lease_token IS NOT DISTINCT FROM u.token
    WHERE t.has_steps AND NOT t.rerun AND EXISTS (SELECT FROM step s WHERE s.task_id = t.id AND s.kind = 'undo')
      AND NOT EXISTS (SELECT FROM step s WHERE s.task_id = t.id AND s.name = '~unwind')
    RETURNING task_id
  )
  SELECT array_agg(m.task_id) INTO unwound FROM marked m;
  IF unwound IS NOT NULL THEN
    UPDATE task t SET ready = false, due_at = clock_timestamp(), lease_until = '-infinity', lease_token = NULL, attempt = 0, failures = 0,
      crashes = 0, cancel_requested = false, deadline = NULL, errors = _error_history(t.errors, u.failure)
    FROM unnest(ids, failure_list) AS u(id, failure)
    WHERE t.id BETWEEN u.id AND u.id AND t.id = ANY (unwound);
    PERFORM _wake(ARRAY(SELECT DISTINCT E'\x01' || t.queue FROM task t WHERE t.id = ANY (unwound)));
  END IF;
  RETURN coalesce(unwound, '{}');
END $$;
