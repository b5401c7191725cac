-- TaskQueue, version 2: the effect ledger, the callback inbox, alarms. Applied after version 1 by install.sql or by `Migrator`.
-- Frozen: see docs/upgrading.md. Adds tables and views and changes nothing of version 1, so programs of both may run at once.

-- Effects ------------------------------------------------------------------------------------------------------------

-- Makes the idempotency keys of two databases differ. One row. Give a copy of a database that
-- speaks to the same provider another one: UPDATE taskqueue.effect_namespace SET id = gen_random_uuid();
-- Effects that are recorded already keep their keys.
CREATE TABLE effect_namespace (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only)
);
INSERT INTO effect_namespace DEFAULT VALUES;
COMMENT ON TABLE effect_namespace IS
  'TaskQueue: one row that makes the idempotency keys of two databases differ. Give a copy of a database that speaks to the same
  provider another id: UPDATE taskqueue.effect_namespace SET id = gen_random_uuid();';

-- One row per task and effect: what was intended, and what is known of it.
--   open       nothing is under way: the last call certainly did not happen, and another may be made
--   intended   a call may be under way
--   unknown    the call ended without an answer, or its worker died
--   parked     as unknown, and a person has to say what happened
--   succeeded  it happened
--   failed     it certainly did not happen, and never will
CREATE TABLE effect (
  task_id bigint NOT NULL,
  name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128 AND name !~ E'[\\x01-\\x1f\\x7f]'),
  task_type text COLLATE "C" NOT NULL,
  task_created_at timestamptz NOT NULL DEFAULT '-infinity', -- '-infinity': not known
  key uuid NOT NULL,
  scope text COLLATE "C" CHECK (octet_length(scope) BETWEEN 1 AND 256),
  queue text COLLATE "C", -- with a unique key
  unique_key text COLLATE "C",
  follows bigint, -- a task
  request_digest bytea NOT NULL CHECK (octet_length(request_digest) = 32), -- SHA-256
  state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'intended', 'unknown', 'parked', 'succeeded', 'failed')),
  token bigint NOT NULL, -- of the claim that began it last: only that one may say "it did not happen"
  calls int NOT NULL DEFAULT 1, -- calls begun
  call_limit interval NOT NULL CHECK (call_limit BETWEEN interval '0' AND interval '100 years'), -- how long after its intent a call may still reach the provider
  key_lifetime interval CHECK (key_lifetime > interval '0' AND key_lifetime <= interval '100 years'
    AND abs(extract(year FROM key_lifetime)) <= 100 AND abs(extract(day FROM key_lifetime)) <= 36525),
  key_used_at timestamptz NOT NULL CHECK (isfinite(key_used_at)), -- when the key was used first (since it last expired)
  intended_at timestamptz NOT NULL CHECK (isfinite(intended_at)), -- the last call's intent
  changed_at timestamptz NOT NULL CHECK (isfinite(changed_at)),
  value json, -- of a success
  code text, -- of a failure
  reason text, -- of a failure or an unknown outcome
  -- Two reports of what happened cannot both be true, or two calls may both have happened: compare the provider's books.
  contradicted boolean NOT NULL DEFAULT false,
  PRIMARY KEY (task_id, name)
);
COMMENT ON TABLE effect IS
  'TaskQueue: calls to other systems, one row per task and effect: what was intended, and what is known of it. Read
  unsettled_effect for those that need a person; settle them by resolve_effect.';
COMMENT ON COLUMN effect.key IS 'The idempotency key that was sent to the provider.';
COMMENT ON COLUMN effect.task_created_at IS 'Tells its task from another one that had the same id, after commits were lost.';
COMMENT ON COLUMN effect.scope IS 'What the app named that several tasks may be made for: they share the key. NULL: the task''s own.';
COMMENT ON COLUMN effect.unique_key IS 'Its task''s, if it has one: the next task with it finds what nobody knows of this call.';
COMMENT ON COLUMN effect.queue IS 'Its task''s, if that has a unique key.';
COMMENT ON COLUMN effect.follows IS
  'The task whose call, without a known outcome then, became this one''s, with its key. What becomes of this effect holds for that one.';
COMMENT ON COLUMN effect.state IS
  'open: the last call certainly did not happen. intended: a call may be under way. unknown: a call ended without an answer.
  parked: as unknown, and a person has to say what happened. succeeded: it happened. failed: it did not and never will.';
COMMENT ON COLUMN effect.token IS 'Of the claim that began it last: only that one may say that it did not happen.';
COMMENT ON COLUMN effect.calls IS 'Calls begun.';
COMMENT ON COLUMN effect.call_limit IS 'How long after its intent a call may still reach the provider.';
COMMENT ON COLUMN effect.key_used_at IS 'When the key was used first since it last expired.';
COMMENT ON COLUMN effect.intended_at IS 'When the last call was intended.';
COMMENT ON COLUMN effect.value IS 'What a success returned.';
COMMENT ON COLUMN effect.code IS 'Of a failure.';
COMMENT ON COLUMN effect.reason IS 'Of a failure or an unknown outcome.';
COMMENT ON COLUMN effect.contradicted IS 'Two reports of what happened cannot both be true: compare the provider''s books.';
CREATE INDEX effect_scope ON effect (key) WHERE scope IS NOT NULL;
CREATE INDEX effect_unique ON effect (queue, unique_key)
  WHERE unique_key IS NOT NULL AND state IN ('intended', 'unknown', 'parked');
CREATE INDEX effect_unsettled ON effect (intended_at) WHERE state IN ('intended', 'unknown', 'parked');
CREATE INDEX effect_contradicted ON effect (changed_at) WHERE contradicted;
CREATE INDEX effect_settled ON effect (changed_at) WHERE state IN ('open', 'succeeded', 'failed');

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
COMMENT ON TABLE inbox_event IS
  'TaskQueue: events that other systems told us, so that each counts once. A pending one waits for its subject to become known.';
COMMENT ON COLUMN inbox_event.is_pending IS 'It waits, with its payload, for its subject to become known.';
COMMENT ON COLUMN inbox_event.expires_at IS 'From then on it is forgotten, and would count again.';
CREATE INDEX inbox_event_expiry ON inbox_event (expires_at);
CREATE INDEX inbox_event_pending ON inbox_event (source, subject) WHERE is_pending;

-- Alarms ---------------------------------------------------------------------------------------------------------------

-- How long after its creation a task of a type may take until it is final.
CREATE TABLE alarm_rule (
  type text COLLATE "C" PRIMARY KEY CHECK (octet_length(type) BETWEEN 1 AND 128),
  final_within interval NOT NULL CHECK (final_within > interval '0' AND final_within <= interval '100 years'
    AND abs(extract(year FROM final_within)) <= 100 AND abs(extract(day FROM final_within)) <= 36525)
);
COMMENT ON TABLE alarm_rule IS 'TaskQueue: how long after its creation a task of a type may take until it is final.';

-- Tasks that should be final by now: live ones, and dead letters other than cancelled ones. For people: reads every live task
-- of the types with a rule. AlarmMonitor reads in bounded pages instead.
CREATE VIEW overdue AS
  SELECT t.id AS task_id, t.type, t.queue, t.created_at, t.created_at + r.final_within AS final_by,
    now() - greatest(t.created_at, '0001-01-01') - r.final_within AS overdue_by, t.attempt, t.failures, 'live' AS state
  FROM alarm_rule r JOIN task t ON t.type = r.type
  WHERE t.finished_at IS NULL AND t.created_at < now() - r.final_within
  UNION ALL
  SELECT d.id, d.type, d.queue, d.created_at, d.created_at + r.final_within, now() - greatest(d.created_at, '0001-01-01') - r.final_within, d.attempt,
    d.failures, 'dead'
  FROM alarm_rule r JOIN dead_task d ON d.type = r.type
  WHERE d.reason <> 'cancelled' AND d.created_at < now() - r.final_within;
COMMENT ON VIEW overdue IS
  'TaskQueue: tasks that should be final by their type''s alarm_rule, live ones and dead letters other than cancelled ones. Reads
  every live task of the types with a rule.';
COMMENT ON COLUMN overdue.state IS 'live or dead.';

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

COMMENT ON VIEW unsettled_effect IS
  'TaskQueue: effects without a known outcome, and contradicted ones. The key is the one sent to the provider: look it up in its
  books, then settle by resolve_effect.';
COMMENT ON COLUMN unsettled_effect.age IS 'Since the last call was intended.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (2, 'effects', 1);
