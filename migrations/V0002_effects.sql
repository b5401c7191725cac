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

-- Rules of columns, as domains: as CHECKs of the table they would be parsed anew with every change, a third of what an effect costs.
CREATE DOMAIN effect_name AS text COLLATE "C"
  CONSTRAINT effect_name CHECK (octet_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
CREATE DOMAIN effect_scope AS text COLLATE "C" CONSTRAINT effect_scope CHECK (octet_length(VALUE) BETWEEN 1 AND 256);
CREATE DOMAIN effect_state AS text COLLATE "C"
  CONSTRAINT effect_state CHECK (VALUE IN ('open', 'intended', 'unknown', 'parked', 'succeeded', 'failed'));
CREATE DOMAIN effect_call_limit AS interval
  CONSTRAINT effect_call_limit CHECK (VALUE BETWEEN interval '0' AND interval '100 years');
CREATE DOMAIN effect_key_lifetime AS interval CONSTRAINT effect_key_lifetime
  CHECK (VALUE > interval '0' AND VALUE <= interval '100 years' AND abs(extract(year FROM VALUE)) <= 100
    AND abs(extract(day FROM VALUE)) <= 36525);
CREATE DOMAIN effect_instant AS timestamptz CONSTRAINT effect_instant CHECK (isfinite(VALUE));
CREATE DOMAIN effect_digest AS bytea CONSTRAINT effect_digest CHECK (octet_length(VALUE) = 32);

COMMENT ON DOMAIN effect_name IS 'An effect''s name: 1 to 128 bytes without control characters.';
COMMENT ON DOMAIN effect_scope IS 'What an app names for several tasks: 1 to 256 bytes.';
COMMENT ON DOMAIN effect_state IS 'What is known of a call: see the column.';
COMMENT ON DOMAIN effect_call_limit IS 'How long a call may take to reach the provider: at most 100 years.';
COMMENT ON DOMAIN effect_key_lifetime IS 'How long a provider knows a key: above zero, at most 100 years.';
COMMENT ON DOMAIN effect_instant IS 'An instant: not infinite.';
COMMENT ON DOMAIN effect_digest IS 'SHA-256 of a request: 32 bytes.';

-- One row per task and effect: what was intended, and what is known of it.
--   open       nothing is under way: the last call certainly did not happen, and another may be made
--   intended   a call may be under way
--   unknown    the call ended without an answer, or its worker died
--   parked     as unknown, and a person has to say what happened
--   succeeded  it happened
--   failed     it certainly did not happen, and never will
CREATE TABLE effect (
  task_id bigint NOT NULL,
  name effect_name NOT NULL,
  task_type text COLLATE "C" NOT NULL,
  task_created_at timestamptz NOT NULL DEFAULT '-infinity', -- '-infinity': not known
  key uuid NOT NULL,
  scope effect_scope,
  queue text COLLATE "C", -- with a unique key
  unique_key text COLLATE "C",
  follows bigint, -- a task
  request_digest effect_digest NOT NULL,
  state effect_state NOT NULL,
  token bigint NOT NULL, -- of the claim that began it last: only that one may say "it did not happen"
  calls int NOT NULL DEFAULT 1, -- calls begun
  call_limit effect_call_limit NOT NULL, -- how long after its intent a call may still reach the provider
  key_lifetime effect_key_lifetime,
  key_used_at effect_instant NOT NULL, -- when the key was used first (since it last expired)
  intended_at effect_instant NOT NULL, -- the last call's intent
  changed_at effect_instant NOT NULL,
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

CREATE DOMAIN inbox_source AS text COLLATE "C" CONSTRAINT inbox_source CHECK (octet_length(VALUE) BETWEEN 1 AND 128);
CREATE DOMAIN inbox_key AS text COLLATE "C" CONSTRAINT inbox_key CHECK (octet_length(VALUE) BETWEEN 1 AND 256);
CREATE DOMAIN inbox_payload AS json CONSTRAINT inbox_payload CHECK (octet_length(VALUE::text) <= 65536);

COMMENT ON DOMAIN inbox_source IS 'Who tells of events: 1 to 128 bytes.';
COMMENT ON DOMAIN inbox_key IS 'An event''s id or its subject: 1 to 256 bytes.';
COMMENT ON DOMAIN inbox_payload IS 'An event''s payload: JSON of at most 64 KiB.';

-- Events received, so that each counts once. One with a payload waits for its subject to become known.
CREATE TABLE inbox_event (
  source inbox_source NOT NULL,
  event_id inbox_key NOT NULL,
  subject inbox_key,
  payload inbox_payload,
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
  SELECT t.id AS task_id, t.type::text COLLATE "C" AS type, t.queue::text COLLATE "C" AS queue, t.created_at, t.created_at + r.final_within AS final_by,
    now() - greatest(t.created_at, '0001-01-01') - r.final_within AS overdue_by, t.attempt, t.failures, 'live' AS state
  FROM alarm_rule r JOIN task t ON t.type = r.type
  WHERE t.finished_at IS NULL AND t.created_at < now() - r.final_within
  UNION ALL
  SELECT d.id, d.type::text COLLATE "C", d.queue::text COLLATE "C", d.created_at, d.created_at + r.final_within,
    now() - greatest(d.created_at, '0001-01-01') - r.final_within, d.attempt,
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
  SELECT e.task_id, e.name::text COLLATE "C" AS name, e.task_type, e.state::text COLLATE "C" AS state, e.contradicted, e.key, e.calls,
    e.intended_at::timestamptz AS intended_at, now() - e.intended_at AS age,
    e.key_used_at + e.key_lifetime AS key_expires_at, e.code, e.reason
  FROM effect e WHERE e.state IN ('intended', 'unknown', 'parked')
  UNION ALL
  SELECT e.task_id, e.name::text COLLATE "C", e.task_type, e.state::text COLLATE "C", e.contradicted, e.key, e.calls,
    e.intended_at::timestamptz, now() - e.intended_at,
    e.key_used_at + e.key_lifetime, e.code, e.reason
  FROM effect e WHERE e.contradicted AND e.state NOT IN ('intended', 'unknown', 'parked');

COMMENT ON VIEW unsettled_effect IS
  'TaskQueue: effects without a known outcome, and contradicted ones. The key is the one sent to the provider: look it up in its
  books, then settle by resolve_effect.';
COMMENT ON COLUMN unsettled_effect.age IS 'Since the last call was intended.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (2, 'effects', 1);
