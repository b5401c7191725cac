-- TaskQueue, version 4: limits. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see docs/upgrading.md.
-- A task without a limit costs what it did: its new columns are NULL, and the new indexes do not have it.

CREATE DOMAIN limit_name AS text COLLATE "C"
  CONSTRAINT task_limit_name CHECK (octet_length(VALUE) BETWEEN 1 AND 64 AND VALUE !~ E'[\\x01-\\x1f\\x7f/]');
COMMENT ON DOMAIN limit_name IS 'A limit''s name: 1 to 64 bytes without control characters and slashes.';
CREATE DOMAIN limit_line_name AS text COLLATE "C"
  CONSTRAINT task_limit_key CHECK (octet_length(VALUE) BETWEEN 2 AND 256 AND VALUE ~ '^[^/]{1,64}/' AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
COMMENT ON DOMAIN limit_line_name IS 'A limit''s name, a slash, and the key: at most 256 bytes without control characters.';
CREATE DOMAIN limit_weight AS smallint CONSTRAINT task_limit_weight CHECK (VALUE BETWEEN 1 AND 1000);
COMMENT ON DOMAIN limit_weight IS 'How many admissions a task counts as: 1 to 1,000.';
CREATE DOMAIN limit_rate AS int CONSTRAINT task_limit_rate CHECK (VALUE BETWEEN 1 AND 1000000);
COMMENT ON DOMAIN limit_rate IS 'How many admissions per period: 1 to 1,000,000.';
CREATE DOMAIN limit_period AS interval CONSTRAINT task_limit_period CHECK (VALUE BETWEEN interval '1 ms' AND interval '100 days');
COMMENT ON DOMAIN limit_period IS 'The period of a rate: 1 ms to 100 days.';
CREATE DOMAIN limit_burst AS int CONSTRAINT task_limit_burst CHECK (VALUE BETWEEN 1 AND 10000);
COMMENT ON DOMAIN limit_burst IS 'How many admissions may come at once: 1 to 10,000.';

-- What holds is the operator's, where there is one, and nothing while it is paused: see the view limits.
CREATE TABLE limit_rule (
  name limit_name PRIMARY KEY,
  concurrency int NOT NULL CHECK (concurrency BETWEEN 1 AND 1000), -- as declared by code
  operator_concurrency int CHECK (operator_concurrency BETWEEN 1 AND 1000),
  is_ordered boolean NOT NULL DEFAULT false,
  holds boolean NOT NULL DEFAULT false, -- behind a dead letter
  is_paused boolean NOT NULL DEFAULT false,
  changed_at timestamptz NOT NULL DEFAULT now(),
  rate limit_rate, -- as declared by code: so many per period
  rate_period limit_period,
  burst limit_burst,
  operator_rate limit_rate,
  operator_rate_period limit_period,
  operator_burst limit_burst,
  -- Whole microseconds, rounded up: a sum of gaps never runs ahead of the rate, and from 10,000 per second down it is at most 1 % behind.
  gap interval GENERATED ALWAYS AS (interval '1 microsecond' * ceil(
    round(extract(epoch FROM coalesce(operator_rate_period, rate_period))::numeric * 1000000) / coalesce(operator_rate, rate))::float8) STORED,
  CHECK (num_nulls(rate, rate_period, burst) IN (0, 3)),
  CHECK (num_nulls(operator_rate, operator_rate_period, operator_burst) IN (0, 3)),
  CHECK (gap >= interval '100 microseconds'),
  CHECK (NOT is_ordered OR gap IS NULL),
  CHECK (NOT is_ordered OR concurrency = 1),
  CHECK (is_ordered OR NOT holds)
);
COMMENT ON TABLE limit_rule IS
  'TaskQueue: how many tasks of one key may be admitted at a time. Written by declare_limit, set_limit, pause_limit and the like.';
COMMENT ON COLUMN limit_rule.concurrency IS 'As the program declares it.';
COMMENT ON COLUMN limit_rule.operator_concurrency IS 'As an operator set it, until reset_limit; NULL: as the program declares it.';
COMMENT ON COLUMN limit_rule.is_ordered IS 'One after the other in the order of enqueue, also over retries.';
COMMENT ON COLUMN limit_rule.holds IS 'A dead letter holds up those behind it until it is redriven or purged.';
COMMENT ON COLUMN limit_rule.is_paused IS 'Nothing is admitted; what runs goes on.';
COMMENT ON COLUMN limit_rule.rate IS 'So many admissions of a key per rate_period, as the program declares it. NULL: no rate.';
COMMENT ON COLUMN limit_rule.operator_rate IS 'As an operator set it, until reset_limit; NULL: as the program declares it.';
COMMENT ON COLUMN limit_rule.gap IS 'What holds now: the time between two admissions of a key. NULL: no rate.';

-- GCRA, the generic cell rate algorithm (ITU-T I.371, ATM Forum Traffic Management 4.0): one instant per key, by the clock of the database.
-- See _fill_at_rate for the formula. A missing row is one of long ago.
CREATE TABLE limit_pace (
  limit_key limit_line_name PRIMARY KEY,
  next_at timestamptz NOT NULL, -- the earliest stamp of the next admission, if nothing is left of the burst
  paused_until timestamptz
);
CREATE INDEX limit_pace_next_at ON limit_pace (next_at);
COMMENT ON TABLE limit_pace IS
  'TaskQueue: from when on the next task of a key may be admitted. Written by the functions alone; old rows go with the keys that expire.';
COMMENT ON COLUMN limit_pace.paused_until IS 'Nothing is admitted before, by pause_limit_for.';

-- slot: NULL without a limit, not due yet, or finished; 0: waits in line; from 1 on: admitted, with that number of its key.
ALTER TABLE task ADD COLUMN limit_key limit_line_name, ADD COLUMN slot int, ADD COLUMN is_ordered boolean, ADD COLUMN weight limit_weight;
COMMENT ON COLUMN task.limit_key IS 'The name of its limit, a slash, and its key. NULL: no limit.';
COMMENT ON COLUMN task.slot IS '0: waits in line for a slot. From 1 on: has that slot of its key. NULL: no limit, not due yet, or finished.';
COMMENT ON COLUMN task.weight IS 'How many admissions it counts as where its limit has a rate; NULL: one.';
COMMENT ON COLUMN task.is_ordered IS 'Keeps its slot while it waits for another attempt, and its place in line is that of its id.';

-- What makes a limit exact: two tasks with one slot of one key cannot be, whoever writes them.
CREATE UNIQUE INDEX task_slot ON task (limit_key, slot) WHERE slot > 0;
CREATE INDEX task_line ON task (limit_key, (CASE WHEN is_ordered THEN 0 ELSE priority END), id) WHERE slot = 0;
ALTER TABLE task ADD CONSTRAINT task_admitted CHECK (limit_key IS NULL OR NOT ready OR coalesce(slot, 0) > 0);
DROP INDEX task_due;
CREATE INDEX task_due ON task (due_at) WHERE NOT ready AND finished_at IS NULL AND slot IS DISTINCT FROM 0;

ALTER TABLE dead_task ADD COLUMN limit_key limit_line_name, ADD COLUMN is_ordered boolean, ADD COLUMN weight limit_weight, ADD COLUMN holds boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN dead_task.holds IS 'Nothing of its limit''s key is admitted while it is here.';
CREATE INDEX dead_task_holds ON dead_task (limit_key) WHERE holds;

-- Which lines are to be looked at, and when: every line with a task has a row here, which comes into being in the transaction that
-- put the task in line. So whoever hands on a slot may miss a task that is not committed yet.
CREATE TABLE limit_look (
  limit_key text COLLATE "C" NOT NULL,
  look_at timestamptz NOT NULL,
  looks int NOT NULL DEFAULT 0 -- how many there were: the next one comes 2 ^ looks seconds later
) WITH (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1, vacuum_truncate = false
);
CREATE INDEX limit_look_at ON limit_look (look_at);
CREATE INDEX limit_look_key ON limit_look (limit_key);
COMMENT ON TABLE limit_look IS 'TaskQueue: lines of limits that workers look at, and when. Written by the functions alone.';

CREATE OR REPLACE VIEW live_task AS
  SELECT t.id,
    CASE
      WHEN t.finished_at IS NOT NULL THEN 'finished'
      WHEN t.lease_until > statement_timestamp() THEN 'running'
      WHEN t.slot = 0 THEN 'limited'
      WHEN t.due_at > statement_timestamp() THEN 'waiting'
      WHEN EXISTS (SELECT FROM paused_queue p WHERE p.queue = t.queue) THEN 'paused'
      ELSE 'due'
    END AS state,
    t.type::text COLLATE "C" AS type, t.queue::text COLLATE "C" AS queue, t.priority::int AS priority,
    CASE WHEN t.finished_at IS NULL THEN t.due_at END AS due_at,
    CASE WHEN t.lease_until > statement_timestamp() THEN t.lease_until END AS lease_until,
    t.attempt, t.failures, t.crashes, t.max_attempts::int AS max_attempts, t.errors -> -1 ->> 'message' AS last_error,
    t.created_at, t.deadline, t.cancel_requested, t.rerun AS runs_again,
    t.unique_key::text COLLATE "C" AS unique_key, t.finished_at,
    CASE WHEN t.finished_at IS NOT NULL THEN t.due_at END AS unique_until, t.errors, t.headers::json AS headers,
    t.payload::json AS payload,
    split_part(t.limit_key, '/', 1) AS limit_name, substr(t.limit_key, strpos(t.limit_key, '/') + 1) AS limit_key,
    CASE WHEN t.slot > 0 THEN t.slot END AS slot, CASE WHEN t.limit_key IS NOT NULL THEN coalesce(t.weight, 1)::int END AS weight
  FROM task t;
COMMENT ON COLUMN live_task.state IS
  'waiting: not due yet. limited: due, and waits for a slot of its limit. due: a worker may claim it. paused: due, but its queue is
  paused. running: a worker holds it. finished: completed, and kept only because its unique key counts until unique_until.';
COMMENT ON COLUMN live_task.limit_name IS 'The name of its limit; NULL: none.';
COMMENT ON COLUMN live_task.limit_key IS 'Its limit''s key.';
COMMENT ON COLUMN live_task.slot IS 'Which of its key''s slots it has; NULL: none.';
COMMENT ON COLUMN live_task.weight IS 'As how many admissions it counts where its limit has a rate; NULL: it has no limit.';

CREATE VIEW limits AS
  SELECT r.name::text COLLATE "C" AS name,
    CASE WHEN r.is_paused THEN 0 ELSE coalesce(r.operator_concurrency, r.concurrency) END AS concurrency,
    r.concurrency AS declared_concurrency, r.operator_concurrency, r.is_ordered, r.holds AS holds_behind_dead_letters, r.is_paused,
    r.changed_at, coalesce(r.operator_rate, r.rate)::int AS rate, coalesce(r.operator_rate_period, r.rate_period)::interval AS rate_period,
    coalesce(r.operator_burst, r.burst)::int AS burst, r.rate::int AS declared_rate, r.rate_period::interval AS declared_rate_period,
    r.burst::int AS declared_burst
  FROM limit_rule r;
COMMENT ON VIEW limits IS
  'TaskQueue: the limits and what holds now. Stable: a column keeps its name, type and meaning in all versions of this schema; columns
  may be added, anywhere, so name the columns that you read.';

-- They get a parameter more: another function of the same name would stay beside the new one.
DROP FUNCTION IF EXISTS enqueue(text, json, text, int, interval, timestamptz, text, text, interval, int, json, json, timestamptz, boolean);
DROP FUNCTION IF EXISTS _enqueue_many(text[], json[], text[], int[], interval[], timestamptz[], text[], text[], interval[], int[],
  json[], json[], timestamptz[], boolean);
DROP FUNCTION IF EXISTS _enqueue_as_owner(text[], json[], text[], int[], interval[], timestamptz[], text[], text[], interval[], int[],
  json[], json[], timestamptz[], boolean);
DROP FUNCTION IF EXISTS _receive_event(text, text, text, interval, text, json, text, int, interval, timestamptz, text, interval, int,
  json, json, timestamptz, boolean);
DROP FUNCTION IF EXISTS _settle_complete(bigint[], bigint[], boolean);
DROP FUNCTION IF EXISTS _settle(bigint[], bigint[], interval[], boolean[], json[], text[], text[], boolean, boolean);

INSERT INTO migration (version, name, minimum_program_version) VALUES (4, 'limits', 1);
