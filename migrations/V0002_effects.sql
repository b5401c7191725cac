-- TaskQueue, version 2: the effect ledger, the callback inbox, alarms. Everything is created in the first schema of
-- search_path, which has version 1 already:
--
--   psql -1 -v ON_ERROR_STOP=1 -c 'SET search_path = taskqueue' -f V0002_effects.sql
--
-- Adds tables, functions and views; changes nothing of version 1, so programs of both versions may run at once.

DO $$
BEGIN
  IF to_regclass(quote_ident(current_schema()) || '.migration') IS NULL THEN
    RAISE EXCEPTION 'no TaskQueue in this schema' USING HINT = 'Apply V0001_task_queue.sql first, in the same schema.';
  END IF;
  PERFORM set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);
END $$;

-- Effects ------------------------------------------------------------------------------------------------------------

-- Makes the idempotency keys of two databases differ: task ids are counted per table. One row. Give a copy of a database that
-- speaks to the same provider another one: UPDATE taskqueue.effect_namespace SET id = gen_random_uuid();
-- Effects that are recorded already keep their keys.
CREATE TABLE effect_namespace (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);
INSERT INTO effect_namespace DEFAULT VALUES;

-- One row per task and effect: what was intended, and what is known of it.
--   open       nothing is under way: the last call certainly did not happen, and another may be made
--   intended   a call may be under way
--   unknown    the call ended without an answer, or its worker died
--   parked     as unknown, and a person has to say what happened
--   succeeded  it happened
--   failed     it certainly did not happen, and never will
CREATE TABLE effect (
  task_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128 AND name !~ '[\x01-\x1f\x7f]'),
  task_type text COLLATE "C" NOT NULL,
  key uuid NOT NULL,
  request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32), -- SHA-256
  state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'intended', 'unknown', 'parked', 'succeeded', 'failed')),
  token bigint NOT NULL, -- of the claim that began it last: only that one may say "it did not happen"
  calls int NOT NULL DEFAULT 1, -- calls begun
  call_limit interval NOT NULL, -- how long after its intent a call may still reach the provider
  key_lifetime interval,
  key_used_at timestamptz NOT NULL, -- when the key was used first (since it last expired)
  intended_at timestamptz NOT NULL, -- the last call's intent
  changed_at timestamptz NOT NULL,
  value json, -- of a success
  code text, -- of a failure
  reason text, -- of a failure or an unknown outcome
  -- Two reports of what happened cannot both be true, or two calls may both have happened: compare the provider's books.
  contradicted boolean NOT NULL DEFAULT false,
  PRIMARY KEY (task_id, name)
);
CREATE INDEX effect_unsettled ON effect (intended_at) WHERE state IN ('intended', 'unknown', 'parked');
CREATE INDEX effect_contradicted ON effect (changed_at) WHERE contradicted;
CREATE INDEX effect_settled ON effect (changed_at) WHERE state IN ('open', 'succeeded', 'failed');

-- Derives a key: SHA-256 over a tag, the namespace, the task's id (8 bytes, big endian) and the name, cut to 122 bits, as a UUID
-- of version 8 (RFC 9562).
CREATE FUNCTION effect_key(namespace uuid, task bigint, effect_name text) RETURNS uuid
LANGUAGE sql STABLE
AS $$
  SELECT encode(set_byte(set_byte(d.hash, 6, get_byte(d.hash, 6) & 15 | 128), 8, get_byte(d.hash, 8) & 63 | 128), 'hex')::uuid
  FROM (SELECT substr(sha256(convert_to('taskqueue.effect.1:', 'UTF8') || uuid_send(namespace) || int8send(task)
    || convert_to(effect_name, 'UTF8')), 1, 16) AS hash) AS d
$$;

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
CREATE FUNCTION begin_effect(
  task bigint, claim_token bigint, effect_name text, digest bytea, limit_per_call interval, lifetime interval,
  absent_call int,
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
  e effect;
  is_absent boolean;
  is_expired boolean;
BEGIN
  SELECT t.type INTO found_type FROM task t
  WHERE t.id = task AND t.lease_token = claim_token AND t.lease_until > clock_timestamp() FOR NO KEY UPDATE;
  at := clock_timestamp();
  IF found_type IS NULL THEN
    decision := 'lost';
    RETURN;
  END IF;
  INSERT INTO effect (task_id, name, task_type, key, request_digest, state, token, call_limit, key_lifetime, key_used_at,
    intended_at, changed_at)
  SELECT task, effect_name, found_type, effect_key(n.id, task, effect_name), digest, 'intended', claim_token, limit_per_call,
    lifetime, at, at, at
  FROM effect_namespace n WHERE n.is_only -- by its index: a scan that is switched off costs so much that it would be compiled
  ON CONFLICT (task_id, name) DO NOTHING
  RETURNING * INTO e;
  IF FOUND THEN
    decision := 'call';
  ELSE
    SELECT x.* INTO e FROM effect x WHERE x.task_id = task AND x.name = effect_name FOR UPDATE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the effect was purged just now' USING ERRCODE = 'serialization_failure';
    END IF;
    is_expired := coalesce(e.key_used_at + lifetime <= at, false);
    is_absent := e.token = claim_token AND e.calls = absent_call AND e.state IN ('unknown', 'parked');
    IF e.request_digest <> digest THEN
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

-- Reports how a call ended: new_state is succeeded, failed, open, unknown or parked. Returns what is recorded now; state NULL:
-- another claim has begun the effect since, and nothing was changed.
-- That something happened stays true whoever says it and however late, so a success is taken from every claim that ever
-- began a call. That nothing happened is only taken from the claim that began it last.
CREATE FUNCTION end_effect(
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
  state := e.state;
  value := e.value;
  code := e.code;
  reason := e.reason;
END $$;

-- A person says what became of an effect: outcome is succeeded (with the value that the handler would have got), failed (with a
-- reason) or open ("it did not happen": the next attempt may call again). Then redrive the task:
--   SELECT taskqueue.resolve_effect(7, 'charge', 'succeeded', '{"id": "pi_123"}');
--   SELECT taskqueue.redrive(ARRAY[7], NULL, NULL, 1, true);
-- Returns resolved; settled (it was succeeded or failed already: nothing changed); running (a worker holds the task, or its call
-- may still reach the provider: try again later); unknown (there is no such effect).
CREATE FUNCTION resolve_effect(
  task bigint, effect_name text, outcome text, new_value json DEFAULT NULL, new_reason text DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  at timestamptz;
  e effect;
BEGIN
  IF outcome IS NULL OR outcome NOT IN ('succeeded', 'failed', 'open') OR outcome = 'succeeded' AND new_value IS NULL THEN
    RAISE EXCEPTION 'TaskQueue: the outcome must be succeeded (with a value), failed or open'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT x.* INTO e FROM effect x WHERE x.task_id = task AND x.name = effect_name FOR UPDATE;
  at := clock_timestamp();
  IF NOT FOUND THEN
    RETURN 'unknown';
  ELSIF e.state IN ('succeeded', 'failed') THEN
    RETURN 'settled';
  -- Looked at under the effect's lock: who began before it holds the task visibly, who begins later sees what we write.
  ELSIF EXISTS (SELECT FROM task t WHERE t.id = task AND t.lease_until > at)
    OR outcome = 'open' AND e.state <> 'open' AND e.intended_at + e.call_limit > at
  THEN
    RETURN 'running';
  END IF;
  -- Another token: the claim that began it can no longer say "it did not happen". And the key counts as unused.
  UPDATE effect x SET state = outcome, value = CASE WHEN outcome = 'succeeded' THEN new_value END,
    code = CASE WHEN outcome = 'failed' THEN 'resolved' END, reason = new_reason,
    token = uuid_hash_extended(gen_random_uuid(), 0), changed_at = at, key_used_at = at
  WHERE x.task_id = task AND x.name = effect_name;
  RETURN 'resolved';
END $$;

-- Deletes settled effects that last changed that long ago and whose task is neither live nor a dead letter. What is not
-- settled, or contradicted, stays until somebody settles it. Returns how many.
CREATE FUNCTION purge_effects(older_than interval, max_count int) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM effect WHERE ctid = ANY (ARRAY(
    SELECT e.ctid FROM effect e
    WHERE e.state IN ('open', 'succeeded', 'failed') AND e.changed_at <= clock_timestamp() - older_than AND NOT e.contradicted
      AND NOT EXISTS (SELECT FROM task t WHERE t.id = e.task_id AND t.finished_at IS NULL)
      AND NOT EXISTS (SELECT FROM dead_task d WHERE d.id = e.task_id)
    ORDER BY e.changed_at LIMIT max_count FOR UPDATE OF e SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;

-- Callback inbox -------------------------------------------------------------------------------------------------------

-- Events received, so that each counts once. One with a payload waits for its subject to become known.
CREATE TABLE inbox_event (
  source text COLLATE "C" NOT NULL CHECK (octet_length(source) BETWEEN 1 AND 128),
  event_id text COLLATE "C" NOT NULL CHECK (octet_length(event_id) BETWEEN 1 AND 256),
  subject text COLLATE "C" CHECK (octet_length(subject) BETWEEN 1 AND 256),
  payload json CHECK (octet_length(payload::text) <= 65536),
  is_pending boolean NOT NULL DEFAULT false,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (source, event_id),
  CONSTRAINT inbox_event_pending CHECK (NOT is_pending OR subject IS NOT NULL AND payload IS NOT NULL)
);
CREATE INDEX inbox_event_expiry ON inbox_event (expires_at);
CREATE INDEX inbox_event_pending ON inbox_event (source, subject) WHERE is_pending;

-- Waits until no other transaction decides about this subject. Whoever makes a subject known and whoever remembers an event for it
-- take this lock first, and look afterwards: so one of both sees the other. Needs a snapshot per statement.
CREATE FUNCTION lock_inbox_subject(event_source text, event_subject text) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION 'TaskQueue: the inbox needs a READ COMMITTED transaction' USING ERRCODE = 'feature_not_supported';
  END IF;
  PERFORM pg_advisory_xact_lock(
    hashtextextended('taskqueue.inbox:' || current_schema() || ':' || event_source || ':' || event_subject, 0));
END $$;

-- Records an event and, only if it is new, enqueues a task (coalesced with the one of its unique key). Waits for a concurrent
-- transaction that records the same event. task_id NULL: it was received before.
CREATE FUNCTION receive_event(
  event_source text, event text, event_subject text, keep interval,
  task_type text, task_payload json, task_queue text, task_priority int, task_delay interval, task_run_at timestamptz,
  task_unique_key text, task_unique_period interval, task_max_attempts int, task_retry json, task_headers json,
  task_deadline timestamptz, wakes boolean,
  OUT task_id bigint, OUT is_new boolean
)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO inbox_event (source, event_id, subject, expires_at)
  VALUES (event_source, event, event_subject, clock_timestamp() + keep)
  ON CONFLICT (source, event_id) DO NOTHING;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT r.task_id, r.is_new INTO task_id, is_new FROM enqueue_many(
    ARRAY[task_type], ARRAY[task_payload], ARRAY[task_queue], ARRAY[task_priority], ARRAY[task_delay], ARRAY[task_run_at],
    ARRAY[task_unique_key], ARRAY['coalesce'], ARRAY[task_unique_period], ARRAY[task_max_attempts], ARRAY[task_retry],
    ARRAY[task_headers], ARRAY[task_deadline], wakes) AS r;
END $$;

-- Records an event whose subject nobody knows yet, with its payload. false: it was received before.
CREATE FUNCTION remember_event(event_source text, event text, event_subject text, event_payload json, keep interval)
RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  INSERT INTO inbox_event (source, event_id, subject, payload, is_pending, expires_at)
  VALUES (event_source, event, event_subject, event_payload, true, clock_timestamp() + keep)
  ON CONFLICT (source, event_id) DO NOTHING;
  RETURN FOUND;
END $$;

-- Hands over, once, the events remembered for a subject that becomes known in this transaction; oldest first.
CREATE FUNCTION claim_events(event_source text, event_subject text, max_count int)
RETURNS TABLE (event_id text, payload json, received_at timestamptz)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  PERFORM lock_inbox_subject(event_source, event_subject);
  RETURN QUERY
  WITH pending AS (
    SELECT i.source, i.event_id, i.payload, i.received_at FROM inbox_event i
    WHERE i.source = event_source AND i.subject = event_subject AND i.is_pending AND i.expires_at > clock_timestamp()
    ORDER BY i.received_at, i.event_id LIMIT max_count FOR UPDATE
  ), claimed AS (
    UPDATE inbox_event i SET is_pending = false, payload = NULL FROM pending p
    WHERE i.source = p.source AND i.event_id = p.event_id
  )
  SELECT p.event_id, p.payload, p.received_at FROM pending p ORDER BY p.received_at, p.event_id;
END $$;

-- Deletes expired events, remembered ones too. Returns how many.
CREATE FUNCTION purge_events(max_count int) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM inbox_event WHERE ctid = ANY (ARRAY(
    SELECT i.ctid FROM inbox_event i WHERE i.expires_at <= clock_timestamp()
    ORDER BY i.expires_at LIMIT max_count FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;

-- Alarms ---------------------------------------------------------------------------------------------------------------

-- How long after its creation a task of a type may take until it is final.
CREATE TABLE alarm_rule (
  type text COLLATE "C" PRIMARY KEY CHECK (octet_length(type) BETWEEN 1 AND 128),
  final_within interval NOT NULL CHECK (final_within > interval '0')
);

-- Tasks that should be final by now: live ones, and dead letters other than cancelled ones. For people: reads every live task
-- of the types with a rule. AlarmMonitor reads in bounded pages instead.
CREATE VIEW overdue AS
  SELECT t.id AS task_id, t.type, t.queue, t.created_at, t.created_at + r.final_within AS final_by,
    now() - t.created_at - r.final_within AS overdue_by, t.attempt, t.failures, 'live' AS state
  FROM alarm_rule r JOIN task t ON t.type = r.type
  WHERE t.finished_at IS NULL AND t.created_at < now() - r.final_within
  UNION ALL
  SELECT d.id, d.type, d.queue, d.created_at, d.created_at + r.final_within, now() - d.created_at - r.final_within, d.attempt,
    d.failures, 'dead'
  FROM alarm_rule r JOIN dead_task d ON d.type = r.type
  WHERE d.reason <> 'cancelled' AND d.created_at < now() - r.final_within;

-- Effects without a known outcome (intended, unknown, parked), and contradicted ones. The key is the one sent to the provider:
-- look it up in its books. Read by index.
CREATE VIEW unsettled_effect AS
  SELECT e.task_id, e.name, e.task_type, e.state, e.contradicted, e.key, e.calls, e.intended_at, now() - e.intended_at AS age,
    e.key_used_at + e.key_lifetime AS key_expires_at, e.code, e.reason
  FROM effect e WHERE e.state IN ('intended', 'unknown', 'parked')
  UNION ALL
  SELECT e.task_id, e.name, e.task_type, e.state, e.contradicted, e.key, e.calls, e.intended_at, now() - e.intended_at,
    e.key_used_at + e.key_lifetime, e.code, e.reason
  FROM effect e WHERE e.contradicted AND e.state NOT IN ('intended', 'unknown', 'parked');

INSERT INTO migration (version, name) VALUES (2, 'effects');
