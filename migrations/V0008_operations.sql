-- TaskQueue, version 8: operations. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see docs/upgrading.md. Adds a
-- table and a view and changes nothing of the versions before, so programs of all of them may run at once.

-- What people did: one line for each call, also for one that changes many tasks. Written by the functions where the setting taskqueue.actor says
-- who acts; calls of programs, which set no actor, write nothing.
CREATE TABLE action (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text COLLATE "C" NOT NULL
    CONSTRAINT action_actor CHECK (octet_length(actor) BETWEEN 1 AND 128 AND actor !~ E'[\\x01-\\x1f\\x7f]'),
  role text COLLATE "C" NOT NULL DEFAULT session_user,
  verb text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  reason text CONSTRAINT action_reason CHECK (octet_length(reason) <= 1000),
  request json,
  before json,
  after json,
  task_ids bigint[] NOT NULL DEFAULT '{}' CHECK (cardinality(task_ids) <= 1000),
  task_count bigint NOT NULL DEFAULT 0
);
CREATE INDEX action_target ON action (target, id);
CREATE INDEX action_tasks ON action USING gin (task_ids);
COMMENT ON TABLE action IS
  'TaskQueue: the journal of what people did. Only added to; read operator_action instead. Old lines go when their retention is over.';

-- functions/_guard_actions.sql has its place.
CREATE FUNCTION _guard_actions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'TaskQueue: the journal of actions is only added to';
END $$;
CREATE TRIGGER action_is_kept BEFORE UPDATE OR DELETE ON action FOR EACH ROW EXECUTE FUNCTION _guard_actions();
CREATE TRIGGER action_is_never_emptied BEFORE TRUNCATE ON action FOR EACH STATEMENT EXECUTE FUNCTION _guard_actions();

CREATE VIEW operator_action AS
  SELECT a.id, a.at, a.actor, a.role, a.verb, a.target, a.reason, a.request, a.before, a.after, a.task_ids, a.task_count FROM action a;
COMMENT ON VIEW operator_action IS
  'TaskQueue: what people did to tasks, queues, limits and schedules. In psql: SET taskqueue.actor = ''ann'', and taskqueue.reason; then the functions
  write their lines. Stable: a column keeps its name, type and meaning in all versions of this schema; columns and verbs may be added, anywhere, so
  name the columns that you read.';
COMMENT ON COLUMN operator_action.id IS 'Ascends in the order in which actions began.';
COMMENT ON COLUMN operator_action.at IS 'When it was done.';
COMMENT ON COLUMN operator_action.actor IS 'Who, as the program or the setting taskqueue.actor says.';
COMMENT ON COLUMN operator_action.role IS 'The role that was logged in.';
COMMENT ON COLUMN operator_action.verb IS 'The function that did it, such as cancel.';
COMMENT ON COLUMN operator_action.target IS 'What it is about: task/7, queue/mail, limit/bank, schedule/nightly, event/paid/7, dead_letters.';
COMMENT ON COLUMN operator_action.reason IS 'Why, as the setting taskqueue.reason says; NULL: not given.';
COMMENT ON COLUMN operator_action.request IS 'What was asked for, such as the filter of a redrive; NULL: the verb says it all.';
COMMENT ON COLUMN operator_action.before IS 'What is known of the target from before; NULL: nothing.';
COMMENT ON COLUMN operator_action.after IS 'What became of it. Never a payload.';
COMMENT ON COLUMN operator_action.task_ids IS 'The tasks that it changed or made, the first 1,000.';
COMMENT ON COLUMN operator_action.task_count IS 'How many tasks it changed or made.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (8, 'operations', 1);
