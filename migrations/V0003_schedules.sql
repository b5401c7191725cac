-- TaskQueue, version 3: schedules. Applied after version 2 by install.sql or by `Migrator`. Frozen: see docs/upgrading.md. Adds a table and
-- a view and changes nothing of the versions before, so programs of all of them may run at once.

-- One row per schedule. Nobody leads: whichever worker sees next_at come computes the slot after this one and moves the row on in the
-- transaction that stores this slot's task, if the row is still as it was seen.
CREATE TABLE schedule (
  name text COLLATE "C" PRIMARY KEY
    CONSTRAINT schedule_name CHECK (octet_length(name) BETWEEN 1 AND 128 AND name !~ E'[\\x01-\\x1f\\x7f]'),
  -- rule, timeZone, type, queue, priority, maxAttempts, retry, headers, limit, overlap, catchUp, jitterSeconds
  definition json NOT NULL CONSTRAINT schedule_definition CHECK (json_typeof(definition) = 'object'),
  payload task_payload NOT NULL,
  code_definition json, -- as programs declare it; NULL: none does
  code_payload task_payload,
  changed boolean NOT NULL DEFAULT false, -- by people, since programs declared it
  revision int NOT NULL DEFAULT 1, -- of the definition and of what slot is planned from
  paused boolean NOT NULL DEFAULT false,
  slot timestamptz, -- the next one; NULL: not planned yet
  next_at timestamptz NOT NULL DEFAULT '-infinity', -- when it is looked at next: at the slot, or later by its jitter
  last_slot timestamptz,
  last_at timestamptz,
  last_task_id bigint,
  problem text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX schedule_due ON schedule (next_at) WHERE NOT paused;

COMMENT ON TABLE schedule IS
  'TaskQueue: what makes tasks again and again. Read schedule_status instead, whose columns keep their meaning; change it by the
  functions schedule_put, schedule_pause, schedule_resume, schedule_reset, schedule_run and schedule_remove.';
COMMENT ON COLUMN schedule.slot IS 'The next instant of the rule; NULL: a worker is about to plan it.';
COMMENT ON COLUMN schedule.next_at IS 'When workers look at it next.';
COMMENT ON COLUMN schedule.code_definition IS 'What programs declare; schedule_reset goes back to it.';

CREATE VIEW schedule_status AS
  SELECT s.name, CASE WHEN s.paused THEN 'paused' WHEN s.problem IS NOT NULL THEN 'broken' WHEN s.slot IS NULL THEN 'new' ELSE 'active' END AS state,
    s.definition ->> 'rule' AS rule, s.definition ->> 'timeZone' AS time_zone, s.definition ->> 'type' AS type,
    coalesce(s.definition ->> 'queue', 'default') AS queue, CASE WHEN NOT s.paused THEN s.slot END AS next_slot,
    s.last_slot, s.last_at, s.last_task_id, s.problem, s.code_definition IS NOT NULL AS declared, s.changed,
    s.definition ->> 'overlap' AS overlap, s.payload::json AS payload
  FROM schedule s;
COMMENT ON VIEW schedule_status IS
  'TaskQueue: schedules with their state: active, paused, new (a worker is about to plan it), broken (see problem). Stable: a column
  keeps its name, type and meaning in all versions of this schema; columns and states may be added, anywhere, so name the columns
  that you read.';
COMMENT ON COLUMN schedule_status.next_slot IS 'When it makes its next task, but for its jitter; NULL: it does not, or is not planned yet.';
COMMENT ON COLUMN schedule_status.last_slot IS 'The slot of the task that it made last.';
COMMENT ON COLUMN schedule_status.last_at IS 'When it made that task.';
COMMENT ON COLUMN schedule_status.declared IS 'A program declares it, and will again if it is removed.';
COMMENT ON COLUMN schedule_status.changed IS 'People have changed it since; schedule_reset goes back to what the program declares.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (3, 'schedules', 1);
