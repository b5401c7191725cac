-- Asks for leave to call. The task's row is locked before anything is looked at, and claims pass over locked rows: so between the
-- look at the fence and the commit nobody can take the task over. Rows are locked in the order task, effect everywhere.
-- Decides:
--   lost       the claim does not hold the task, or its lease is over
--   changed    this effect was begun with another request
--   call       the intent is stored: call, once, then report by end_effect
--   ask        an earlier call has no known outcome: ask the provider. From now on only this claim may say "it did not happen".
--   busy       this very claim has a call under way
--   succeeded, failed   as recorded
-- absent_call: the provider was asked after "ask" and knows nothing of the calls up to that number.
-- action_scope: names what several tasks may be made for. They share the key, and what one of them has recorded, or does not know,
-- holds for the others when they begin. Without it the unique key does the same, but only for what nobody knows: an earlier task with it
-- ended, or was deleted, while its call had no known outcome.
CREATE OR REPLACE FUNCTION _begin_effect(
  task bigint, claim_token bigint, effect_name text, digest bytea, limit_per_call interval, lifetime interval,
  absent_call int, action_scope text DEFAULT NULL,
  OUT decision text, OUT key uuid, OUT call_number int, OUT call_ends_in float8, OUT key_ends_in float8, OUT value json,
  OUT code text, OUT reason text
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz;
  found_type text;
  found_creation timestamptz;
  found_queue text;
  found_unique text;
  namespace uuid;
  own_key uuid;
  e effect;
  other effect;
  is_absent boolean;
  is_expired boolean;
BEGIN
  -- The namespace by its index: a scan that is switched off costs so much that it would be compiled.
  SELECT t.type, t.created_at, t.unique_key, CASE WHEN t.unique_key IS NOT NULL THEN t.queue END,
    (SELECT n.id FROM effect_namespace n WHERE n.is_only)
  INTO found_type, found_creation, found_unique, found_queue, namespace FROM task t
  WHERE t.id = task AND t.lease_token = claim_token AND t.lease_until > clock_timestamp() FOR NO KEY UPDATE;
  at := clock_timestamp();
  IF found_type IS NULL THEN
    decision := 'lost';
    RETURN;
  END IF;
  lifetime := CASE WHEN lifetime IS NOT NULL THEN least(lifetime, interval '100 years') END;
  own_key := _effect_key(namespace, task, found_creation, effect_name, action_scope);
  IF action_scope IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('taskqueue.effect:' || own_key::text, 0));
    SELECT x.* INTO other FROM effect x
    WHERE x.key = own_key AND x.scope IS NOT NULL AND x.task_id <> task AND x.state NOT IN ('open', 'failed')
    ORDER BY x.state = 'succeeded' DESC, x.intended_at + x.call_limit DESC, x.task_id DESC LIMIT 1;
  ELSIF found_unique IS NOT NULL THEN
    SELECT x.* INTO other FROM effect x
    WHERE x.queue = found_queue AND x.unique_key = found_unique AND x.state IN ('intended', 'unknown', 'parked')
      AND x.name = effect_name AND x.scope IS NULL AND x.task_id <> task
    ORDER BY x.intended_at + x.call_limit DESC, x.task_id DESC LIMIT 1;
    own_key := coalesce(other.key, own_key);
  END IF;
  -- Of a task that had the same id before this one was created. What nobody knows stays.
  DELETE FROM effect x
  WHERE x.task_id = task AND x.name = effect_name AND x.task_created_at <> found_creation AND x.intended_at < found_creation
    AND x.state IN ('open', 'succeeded', 'failed') AND NOT x.contradicted;
  INSERT INTO effect (task_id, name, task_type, task_created_at, key, scope, queue, unique_key, follows, request_digest, state,
    token, calls, call_limit, key_lifetime, key_used_at, intended_at, changed_at, value)
  VALUES (task, effect_name, found_type, found_creation, own_key, action_scope, found_queue, found_unique,
    CASE WHEN other.state <> 'succeeded' THEN other.task_id END, digest,
    CASE WHEN other.task_id IS NULL THEN 'intended' WHEN other.state = 'succeeded' THEN 'succeeded' ELSE 'unknown' END, claim_token,
    coalesce(other.calls, 1), coalesce(other.call_limit, limit_per_call), lifetime, coalesce(other.key_used_at, at),
    coalesce(other.intended_at, at), at, other.value)
  ON CONFLICT (task_id, name) DO NOTHING
  RETURNING * INTO e;
  IF FOUND THEN
    decision := CASE WHEN other.request_digest <> digest THEN 'changed' WHEN e.state = 'intended' THEN 'call'
      WHEN e.state = 'succeeded' THEN 'succeeded' ELSE 'ask' END;
    IF decision = 'changed' THEN
      DELETE FROM effect x WHERE x.task_id = task AND x.name = effect_name;
    END IF;
  ELSE
    SELECT x.* INTO e FROM effect x WHERE x.task_id = task AND x.name = effect_name FOR UPDATE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the effect was purged just now' USING ERRCODE = 'serialization_failure';
    END IF;
    is_expired := coalesce(e.key_used_at + lifetime <= at, false);
    is_absent := e.token = claim_token AND e.calls = absent_call AND e.state IN ('unknown', 'parked');
    IF e.request_digest <> digest OR e.task_created_at <> found_creation AND e.intended_at < found_creation
      OR e.scope IS DISTINCT FROM action_scope
    THEN
      decision := 'changed';
    ELSIF e.state IN ('succeeded', 'failed') THEN
      decision := e.state;
    ELSIF is_absent OR e.state = 'open' AND NOT is_expired THEN
      decision := 'call';
      UPDATE effect x SET state = 'intended', token = claim_token, calls = x.calls + 1, call_limit = limit_per_call,
        key_lifetime = lifetime, key_used_at = CASE WHEN is_expired THEN at ELSE x.key_used_at END, intended_at = at,
        changed_at = at, code = NULL, reason = NULL
      WHERE x.task_id = task AND x.name = effect_name
      RETURNING * INTO e;
    ELSIF e.state = 'intended' AND e.token = claim_token THEN
      decision := 'busy';
    ELSE
      decision := 'ask';
      UPDATE effect x SET state = CASE WHEN x.state = 'parked' THEN x.state ELSE 'unknown' END, token = claim_token,
        key_lifetime = lifetime, changed_at = at
      WHERE x.task_id = task AND x.name = effect_name
      RETURNING * INTO e;
    END IF;
  END IF;
  key := e.key;
  call_number := e.calls;
  call_ends_in := extract(epoch FROM e.intended_at + e.call_limit - at);
  key_ends_in := extract(epoch FROM e.key_used_at + lifetime - at);
  value := e.value;
  code := e.code;
  reason := e.reason;
END $$;
