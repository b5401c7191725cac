-- TaskQueue, version 7: results, history and groups. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see
-- docs/upgrading.md. A task that keeps nothing, and is in no group, costs what it did: its new columns are NULL, and neither table nor index
-- has it.

-- What completed tasks leave, where their type or enqueue asked for it. Only inserted, and dropped by whole days: see _keep_history.
CREATE TABLE done (
  id bigint NOT NULL,
  queue queue_name NOT NULL,
  type type_name NOT NULL,
  attempt int NOT NULL,
  created_at timestamptz NOT NULL,
  done_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (isfinite(expires_at)),
  result step_value,
  PRIMARY KEY (id, done_at)
) PARTITION BY RANGE (done_at);
CREATE INDEX done_expiry ON done (expires_at);
COMMENT ON TABLE done IS
  'TaskQueue: completed tasks that are kept, by the day (UTC) on which they completed. Read done_task instead. Written by the functions alone.';
COMMENT ON COLUMN done.attempt IS 'Claims that it had.';
COMMENT ON COLUMN done.result IS 'What its handler returned, as JSON; NULL: nothing.';
COMMENT ON COLUMN done.expires_at IS 'Until then it counts. Its day is dropped once that is so of none of the day''s.';
-- What has no day of its own yet: a completion never fails, and never waits, for want of a partition.
CREATE TABLE done_rest PARTITION OF done DEFAULT;
COMMENT ON TABLE done_rest IS 'TaskQueue: the part of done that has no partition of its own.';

CREATE VIEW done_task AS
  SELECT d.id, d.type::text COLLATE "C" AS type, d.queue::text COLLATE "C" AS queue, d.attempt, d.created_at, d.done_at, d.expires_at,
    d.result::json AS result
  FROM done d WHERE d.expires_at > statement_timestamp();
COMMENT ON VIEW done_task IS
  'TaskQueue: completed tasks whose retention is not over. Stable: a column keeps its name, type and meaning in all versions of this schema;
  columns may be added, anywhere, so name the columns that you read.';
COMMENT ON COLUMN done_task.attempt IS 'Claims that it had.';
COMMENT ON COLUMN done_task.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN done_task.done_at IS 'When it completed.';
COMMENT ON COLUMN done_task.expires_at IS 'Until then it is here.';
COMMENT ON COLUMN done_task.result IS 'What its handler returned; NULL: nothing.';

-- Counted by workers, who add what they did every some seconds: a task pays nothing for it.
CREATE TABLE throughput_minute (
  minute timestamptz NOT NULL,
  queue queue_name NOT NULL,
  type type_name NOT NULL,
  outcome text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  PRIMARY KEY (minute, queue, type, outcome)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE throughput_minute IS
  'TaskQueue: how many attempts ended per minute. Read throughput instead. Written by workers alone.';
CREATE VIEW throughput AS
  SELECT m.minute, m.queue::text COLLATE "C" AS queue, m.type::text COLLATE "C" AS type, m.outcome, m.attempts FROM throughput_minute m;
COMMENT ON VIEW throughput IS
  'TaskQueue: how many attempts ended per minute, queue, type and outcome, of the last 30 days. Approximate: workers report every 10 s, into
  the minute of the report, and one that is killed takes what it had not reported with it. Stable: a column keeps its name, type and meaning
  in all versions of this schema; columns and outcomes may be added, anywhere, so name the columns that you read.';
COMMENT ON COLUMN throughput.outcome IS 'How they ended, as the metrics name it: completed, failed, again, snoozed, discarded and so on.';
COMMENT ON COLUMN throughput.attempts IS 'How many attempts ended so.';

-- Tasks whose ends are counted: the children of a flow, or tasks with a callback. Who ends only inserts (group_end, and a row of event_look
-- for the group); counting is done by looks, one at a time for each group, so that no end waits for another one's transaction.
CREATE TABLE task_group (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parent_id bigint,
  callback_id bigint,
  total int NOT NULL CHECK (total BETWEEN 0 AND 100000),
  at_most int CHECK (at_most > 0),
  released int NOT NULL, -- members from 1 to this one may run
  completed int NOT NULL DEFAULT 0,
  failed int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  expires_at timestamptz, -- once it is finished: from when on it may go; NULL: with its parent
  checked_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
COMMENT ON TABLE task_group IS 'TaskQueue: groups of tasks and how many of them have ended. Read groups instead. Written by the functions alone.';
COMMENT ON COLUMN task_group.parent_id IS 'The flow whose children they are; NULL: none.';
COMMENT ON COLUMN task_group.callback_id IS 'The task that is due when all have ended; NULL: none.';
COMMENT ON COLUMN task_group.at_most IS 'So many of them at a time; NULL: all.';
COMMENT ON COLUMN task_group.failed IS 'Those that became dead letters, or are gone in another way.';
CREATE INDEX task_group_parent ON task_group (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX task_group_expiry ON task_group (expires_at) WHERE finished_at IS NOT NULL;
CREATE INDEX task_group_check ON task_group (checked_at) WHERE finished_at IS NULL;

CREATE TABLE group_end (
  group_id bigint NOT NULL,
  member int NOT NULL,
  place int, -- in the order in which they were counted; NULL: not counted yet
  task_id bigint,
  outcome text NOT NULL,
  detail text,
  value step_value,
  ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (group_id, member)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.1
);
COMMENT ON TABLE group_end IS 'TaskQueue: how the members of groups have ended. The first end counts. Written by the functions alone.';
COMMENT ON COLUMN group_end.outcome IS 'completed, the reason of a dead letter, or gone.';
COMMENT ON COLUMN group_end.detail IS 'Of a dead letter: what is known of it.';
COMMENT ON COLUMN group_end.value IS 'What a completed one returned.';
CREATE UNIQUE INDEX group_end_place ON group_end (group_id, place) WHERE place IS NOT NULL;
CREATE INDEX group_end_new ON group_end (group_id) WHERE place IS NULL;

CREATE VIEW groups AS
  SELECT g.id, g.total, g.completed, g.failed, g.at_most, g.parent_id, g.callback_id, g.created_at, g.finished_at FROM task_group g;
COMMENT ON VIEW groups IS
  'TaskQueue: groups of tasks and how far they are. Stable: a column keeps its name, type and meaning in all versions of this schema; columns
  may be added, anywhere, so name the columns that you read.';
COMMENT ON COLUMN groups.failed IS 'Those that became dead letters, or are gone in another way.';
COMMENT ON COLUMN groups.finished_at IS 'When all of them had ended; NULL: not yet.';

ALTER TABLE task ADD COLUMN group_id bigint, ADD COLUMN member int;
COMMENT ON COLUMN task.group_id IS 'The group in which its end is counted; NULL: none.';
COMMENT ON COLUMN task.member IS 'Its number in the group, from 1; 0: the group''s callback.';
COMMENT ON COLUMN task.has_steps IS 'It is a flow with recorded steps, or in a group: its end concerns more than its row. NULL: neither.';
CREATE UNIQUE INDEX task_member ON task (group_id, member) WHERE group_id IS NOT NULL;

-- _conclude has its place.
DROP FUNCTION IF EXISTS _complete_flows(bigint[], bigint[], boolean, boolean);

INSERT INTO migration (version, name, minimum_program_version) VALUES (7, 'results', 1);
