-- TaskQueue, version 6: flows. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see docs/upgrading.md.
-- A task without steps costs what it did: its new column is NULL, and the tables do not have it.

ALTER TABLE task ADD COLUMN has_steps boolean;
COMMENT ON COLUMN task.has_steps IS 'It is a flow: it has recorded steps. NULL: none.';

CREATE DOMAIN step_name AS text COLLATE "C"
  CONSTRAINT flow_step_name CHECK (octet_length(VALUE) BETWEEN 1 AND 300 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
COMMENT ON DOMAIN step_name IS 'A step''s name: 1 to 300 bytes without control characters. Names that begin with ~ are the library''s own.';
CREATE DOMAIN event_name AS text COLLATE "C"
  CONSTRAINT flow_event_key CHECK (octet_length(VALUE) BETWEEN 1 AND 256 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
COMMENT ON DOMAIN event_name IS 'An event''s key: 1 to 256 bytes without control characters.';
CREATE DOMAIN step_value AS json CONSTRAINT flow_step_value CHECK (octet_length(VALUE::text) <= 262144);
-- As CHECKs of the table they would be parsed anew with every INSERT: 5 us.
CREATE DOMAIN step_kind AS text COLLATE "C"
  CONSTRAINT flow_step_kind CHECK (VALUE IN ('step', 'wait', 'event', 'timeout', 'undo', 'unwind'));
CREATE DOMAIN step_digest AS bytea CONSTRAINT flow_step_digest CHECK (octet_length(VALUE) = 32);
COMMENT ON DOMAIN step_kind IS 'What a step is: see the column.';
COMMENT ON DOMAIN step_digest IS 'SHA-256 of an input: 32 bytes.';
COMMENT ON DOMAIN step_value IS 'What a step returned, or an event''s payload: JSON of at most 256 KiB.';

-- The journal. Rows are only inserted, but for a wait, which is decided once. Every change is made under the lock of the task's row.
--   step     ran, and returned the value
--   wait     a sleep, or an event that has not come
--   event    the event of a wait came, with the value
--   timeout  the time of a wait for an event ended before it came
--   undo     a compensation was registered
--   unwind   the flow has failed for good: what was registered is to be undone
CREATE TABLE step (
  task_id bigint NOT NULL,
  name step_name NOT NULL,
  kind step_kind NOT NULL,
  place int NOT NULL, -- in the order in which the flow reached them
  value step_value,
  digest step_digest,
  until timestamptz, -- of a wait; NULL: without an end
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (task_id, name)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1
);
COMMENT ON TABLE step IS
  'TaskQueue: what flows have done, one row per task and step. Rows go when their task completes. Written by the functions alone.';
COMMENT ON COLUMN step.kind IS
  'step: it ran. wait: a sleep, or an event that has not come. event: it came. timeout: it did not come in time. undo: a compensation is
  registered. unwind: the flow failed for good and is being undone.';
COMMENT ON COLUMN step.place IS 'Ascends in the order in which the flow reached its steps.';
COMMENT ON COLUMN step.value IS 'What it returned, or the event''s payload.';
COMMENT ON COLUMN step.digest IS 'SHA-256 of its input, if the flow gave one.';
COMMENT ON COLUMN step.until IS 'Of a wait: when it ends at the latest.';

-- The first one with a key counts, until it expires.
CREATE TABLE event (
  key event_name PRIMARY KEY,
  payload step_value NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL CHECK (isfinite(expires_at))
);
COMMENT ON TABLE event IS 'TaskQueue: events that flows wait for, or will. Written by emit().';
CREATE INDEX event_expiry ON event (expires_at);

CREATE TABLE event_wait (
  event_key event_name NOT NULL,
  task_id bigint NOT NULL,
  step_name step_name NOT NULL,
  PRIMARY KEY (event_key, task_id, step_name)
);
COMMENT ON TABLE event_wait IS 'TaskQueue: which flows wait for which events. Written by the functions alone.';
CREATE INDEX event_wait_task ON event_wait (task_id);

-- Which keys are to be looked at, and when. An event, and a wait for it, each bring a row in their own transaction; so whichever of the two
-- commits last is followed by a look that sees both.
CREATE TABLE event_look (
  event_key text COLLATE "C" NOT NULL,
  look_at timestamptz NOT NULL
) WITH (
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1, vacuum_truncate = false
);
CREATE INDEX event_look_at ON event_look (look_at);
COMMENT ON TABLE event_look IS 'TaskQueue: keys of events that workers look at, and when. Written by the functions alone.';

-- It returns a column more.
DROP FUNCTION IF EXISTS _claim(text[], text[], int, bigint, interval, int[], int[], int[], timestamptz[], bigint[], int[], boolean,
  timestamptz, timestamptz);

INSERT INTO migration (version, name, minimum_program_version) VALUES (6, 'flows', 1);
