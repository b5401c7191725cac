-- Reports how a call ended: new_state is succeeded, failed, open, unknown or parked. Returns what is recorded now; state NULL:
-- another claim has begun the effect since, and nothing was changed.
-- That something happened stays true whoever says it and however late, so a success is taken from every claim that ever
-- began a call. That nothing happened is only taken from the claim that began it last.
CREATE OR REPLACE FUNCTION _end_effect(
  task bigint, claim_token bigint, effect_name text, call_number int, new_state text, new_value json, new_code text,
  new_reason text,
  OUT state text, OUT value json, OUT code text, OUT reason text
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz := clock_timestamp();
  e effect;
BEGIN
  SELECT x.* INTO e FROM effect x WHERE x.task_id = task AND x.name = effect_name FOR UPDATE;
  IF NOT FOUND OR call_number > e.calls OR new_state NOT IN ('succeeded', 'failed', 'open', 'unknown', 'parked') THEN
    RETURN;
  END IF;
  IF e.state = 'succeeded' THEN
    IF new_state = 'succeeded' AND NOT e.contradicted AND new_value::text IS DISTINCT FROM e.value::text THEN
      UPDATE effect x SET contradicted = true WHERE x.task_id = task AND x.name = effect_name;
    END IF;
  ELSIF new_state = 'succeeded' THEN
    UPDATE effect x SET state = 'succeeded', value = new_value, code = NULL, reason = new_reason, changed_at = at,
      contradicted = x.contradicted OR x.state = 'failed'
    WHERE x.task_id = task AND x.name = effect_name
    RETURNING * INTO e;
  ELSIF e.token = claim_token AND e.calls = call_number AND e.state <> 'failed' THEN
    UPDATE effect x SET state = new_state, code = new_code, reason = new_reason, changed_at = at
    WHERE x.task_id = task AND x.name = effect_name
    RETURNING * INTO e;
  ELSIF e.state <> 'failed' THEN
    RETURN;
  END IF;
  IF e.follows IS NOT NULL THEN
    PERFORM _settle_followed_effect(e);
  END IF;
  state := e.state;
  value := e.value;
  code := e.code;
  reason := e.reason;
END $$;
