--   SELECT taskqueue.resolve_effect(7, 'charge', 'succeeded', '{"id": "pi_123"}');
--   SELECT taskqueue.retry(7);
CREATE OR REPLACE FUNCTION resolve_effect(
  task_id bigint, effect_name text, outcome text, value json DEFAULT NULL, reason text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz;
  e effect;
  was text;
  answer text;
BEGIN
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RETURN _as_operator('resolve_effect', task_id::text, effect_name, outcome, value::text, reason);
  END IF;
  IF outcome IS NULL OR outcome NOT IN ('succeeded', 'failed', 'open') THEN
    RAISE EXCEPTION 'TaskQueue: the outcome must be succeeded (with a value), failed or open'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF outcome = 'succeeded' AND resolve_effect.value IS NULL THEN
    RAISE EXCEPTION 'TaskQueue: what succeeded has a value: what the call would have returned, as JSON'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The value of a call that returns nothing is the JSON null: ''null''.';
  END IF;
  SELECT x.* INTO e FROM effect x WHERE x.task_id = resolve_effect.task_id AND x.name = effect_name FOR UPDATE;
  at := clock_timestamp();
  was := e.state;
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF e.state IN ('succeeded', 'failed') THEN
    answer := 'settled';
  -- Looked at under the effect's lock: who began before it holds the task visibly, who begins later sees what we write.
  ELSIF EXISTS (SELECT FROM task t WHERE t.id = resolve_effect.task_id AND t.lease_until > at)
    OR outcome = 'open' AND e.state <> 'open' AND e.intended_at + e.call_limit > at
  THEN
    answer := 'running';
  ELSE
    -- Another token: the claim that began it can no longer say "it did not happen". And the key counts as unused.
    UPDATE effect x SET state = outcome, value = CASE WHEN outcome = 'succeeded' THEN resolve_effect.value END,
      code = CASE WHEN outcome = 'failed' THEN 'resolved' END, reason = resolve_effect.reason,
      token = uuid_hash_extended(gen_random_uuid(), 0), changed_at = at, key_used_at = at
    WHERE x.task_id = resolve_effect.task_id AND x.name = effect_name
    RETURNING * INTO e;
    PERFORM _settle_followed_effect(e);
    answer := 'resolved';
  END IF;
  IF current_setting('taskqueue.actor', true) <> '' THEN
    PERFORM _journal('resolve_effect', 'task/' || resolve_effect.task_id,
      json_strip_nulls(json_build_object('effect', effect_name, 'outcome', outcome, 'reason', resolve_effect.reason)),
      json_build_object('state', was), json_build_object('result', answer, 'state', e.state),
      CASE WHEN answer = 'resolved' THEN ARRAY[resolve_effect.task_id] END);
  END IF;
  RETURN answer;
END $$;

COMMENT ON FUNCTION resolve_effect IS
  'A person says what became of a task''s effect: outcome is succeeded (with the value that the handler would have got), failed (with
  a reason) or open (it did not happen: the next attempt may call again). Then retry the task. Returns resolved; settled (it was
  succeeded or failed already: nothing changed); running (a worker holds the task, or its call may still reach the provider: try
  again later); unknown (there is no such effect).';
