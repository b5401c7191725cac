-- TaskQueue, version 1: tables, domains, indexes and views. Applied by install.sql or by `Migrator`, which then apply the
-- functions; never alone. Frozen: see docs/upgrading.md.

-- What was applied. Written by each version itself.
CREATE TABLE migration (
  version int PRIMARY KEY,
  name text NOT NULL,
  minimum_program_version int NOT NULL,
  checksum text,
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE migration IS 'TaskQueue: the versions of this schema. Written by install.sql and Migrator alone.';
COMMENT ON COLUMN migration.minimum_program_version IS
  'Programs that know this version or a later one may work with the schema; older ones refuse to start.';
COMMENT ON COLUMN migration.checksum IS
  'SHA-256 of the file in hex; NULL until Migrator has seen a version that psql applied.';

CREATE TABLE installed_function (
  name text COLLATE "C" PRIMARY KEY,
  revision int NOT NULL,
  checksum text,
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE installed_function IS
  'TaskQueue: the functions of this schema as they were applied last. Written by install.sql and Migrator alone.';
COMMENT ON COLUMN installed_function.revision IS
  'Of the newest set of functions that has this one. A program with a lower revision leaves all functions alone.';
COMMENT ON COLUMN installed_function.checksum IS
  'SHA-256 of the file in hex; NULL if psql applied it: Migrator then applies it once more and fills it in.';

-- Rules of single columns are domains: a table's CHECK would be evaluated again with every claim.
CREATE DOMAIN queue_name AS text COLLATE "C"
  CONSTRAINT task_queue_name CHECK (octet_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
CREATE DOMAIN type_name AS text COLLATE "C"
  CONSTRAINT task_type_name CHECK (octet_length(VALUE) BETWEEN 1 AND 128 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
CREATE DOMAIN key_name AS text COLLATE "C"
  CONSTRAINT task_unique_key CHECK (octet_length(VALUE) BETWEEN 1 AND 256 AND VALUE !~ E'[\\x01-\\x1f\\x7f]');
CREATE DOMAIN attempt_limit AS int CONSTRAINT task_max_attempts CHECK (VALUE BETWEEN 1 AND 1000000);
-- Years and days by themselves, too: minus 5 million years and as many days are a moment to a comparison, and no instant to a sum.
CREATE DOMAIN key_period AS interval CONSTRAINT task_unique_period
  CHECK (VALUE > interval '0' AND VALUE <= interval '100 years' AND abs(extract(year FROM VALUE)) <= 100
    AND abs(extract(day FROM VALUE)) <= 36525);
CREATE DOMAIN task_payload AS json CONSTRAINT task_payload_size CHECK (octet_length(VALUE::text) <= 4194304);
CREATE DOMAIN task_headers AS json
  CONSTRAINT task_headers_object CHECK (json_typeof(VALUE) = 'object' AND octet_length(VALUE::text) <= 65536);

COMMENT ON DOMAIN queue_name IS 'A queue''s name: 1 to 128 bytes without control characters.';
COMMENT ON DOMAIN type_name IS 'A task''s type: 1 to 128 bytes without control characters.';
COMMENT ON DOMAIN key_name IS 'A unique key: 1 to 256 bytes without control characters.';
COMMENT ON DOMAIN attempt_limit IS 'How many attempts may fail: 1 to 1,000,000.';
COMMENT ON DOMAIN key_period IS 'How long a unique key also covers a task that completed: above zero, at most 100 years.';
COMMENT ON DOMAIN task_payload IS 'A task''s payload: JSON of at most 4 MiB.';
COMMENT ON DOMAIN task_headers IS 'A task''s headers: a JSON object of strings, at most 64 KiB.';

-- One row per live task. A claim changes no indexed column, so it is a HOT update while its page has room: that is what
-- the low fillfactor is for.
CREATE TABLE task (
  id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
  queue queue_name NOT NULL DEFAULT 'default',
  type type_name NOT NULL,
  priority smallint NOT NULL DEFAULT 100, -- lower first
  -- true: due, waiting for a worker or held by one. false: waiting for due_at, or finished.
  -- A row with a future due_at and ready = true is not claimed before it is due, but every claim steps over it.
  ready boolean NOT NULL DEFAULT true,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- due; of a finished task: when its unique key is free again
  -- '-infinity' or 'epoch': not claimed since the last outcome. 'epoch' and later: was due once, whatever the clock says now.
  lease_until timestamptz NOT NULL DEFAULT '-infinity',
  lease_token bigint, -- random per claim: the fence
  attempt int NOT NULL DEFAULT 0,
  failures int NOT NULL DEFAULT 0,
  crashes int NOT NULL DEFAULT 0,
  rerun boolean NOT NULL DEFAULT false, -- run once more when the attempt under way ends
  cancel_requested boolean NOT NULL DEFAULT false,
  max_attempts attempt_limit,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- not before due_at of a task that is due at once
  deadline timestamptz,
  unique_key key_name,
  unique_period key_period,
  finished_at timestamptz,
  payload task_payload NOT NULL,
  headers task_headers,
  retry json,
  errors jsonb, -- the last 10
  CONSTRAINT task_finished CHECK (finished_at IS NULL OR NOT ready)
) WITH (
  fillfactor = 45,
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1,
  vacuum_truncate = false -- truncation takes a lock that stops every claim
);

COMMENT ON TABLE task IS
  'TaskQueue: live tasks, and finished ones whose unique key still counts. Read live_task instead, whose columns keep their
  meaning. Plain INSERT ... SELECT of type, payload and, if wanted, queue, priority, deadline, max_attempts, headers is supported;
  workers then notice within their poll interval. Everything else goes through the functions.';
COMMENT ON COLUMN task.priority IS 'Lower first.';
COMMENT ON COLUMN task.ready IS 'True: in the index that claims read. False: waiting for due_at, or finished.';
COMMENT ON COLUMN task.due_at IS 'From when on it may be claimed; of a finished task: from when on its unique key is free.';
COMMENT ON COLUMN task.lease_until IS 'For how long a worker holds it; -infinity or 1970: not claimed since the last outcome.';
COMMENT ON COLUMN task.lease_token IS 'Of the last claim, random: the fence that stale outcomes do not pass.';
COMMENT ON COLUMN task.attempt IS 'Claims so far; the attempt under way counts.';
COMMENT ON COLUMN task.failures IS 'Attempts that ended with an error.';
COMMENT ON COLUMN task.crashes IS 'Attempts whose lease ran out without an outcome, since the last outcome.';
COMMENT ON COLUMN task.rerun IS 'Run once more when the attempt under way ends.';
COMMENT ON COLUMN task.deadline IS 'From then on it is not begun any more but becomes a dead letter.';
COMMENT ON COLUMN task.unique_period IS 'How long the unique key also counts after completion.';
COMMENT ON COLUMN task.retry IS 'The retry policy given when it was enqueued, as JSON; NULL: its handler''s.';
COMMENT ON COLUMN task.errors IS 'The last 10 errors, oldest first, as JSON objects with message, errorType, attempt and at.';

CREATE INDEX task_claim ON task (queue, priority, due_at, id) WHERE ready;
CREATE INDEX task_due ON task (due_at) WHERE NOT ready AND finished_at IS NULL;
CREATE INDEX task_finished ON task (due_at) WHERE NOT ready AND finished_at IS NOT NULL;
CREATE UNIQUE INDEX task_unique ON task (queue, unique_key) WHERE unique_key IS NOT NULL;

CREATE TABLE dead_task (
  id bigint PRIMARY KEY,
  queue queue_name NOT NULL,
  type type_name NOT NULL,
  priority smallint NOT NULL,
  attempt int NOT NULL,
  failures int NOT NULL,
  crashes int NOT NULL,
  max_attempts attempt_limit,
  created_at timestamptz NOT NULL,
  deadline timestamptz,
  unique_key key_name,
  unique_period key_period,
  died_at timestamptz NOT NULL,
  reason text NOT NULL,
  detail text,
  payload task_payload NOT NULL,
  headers task_headers,
  retry json,
  errors jsonb
);
COMMENT ON TABLE dead_task IS
  'TaskQueue: dead letters, under the ids of their tasks. Read dead_letter instead, whose columns keep their meaning.';
CREATE INDEX dead_task_type ON dead_task (type, id);
CREATE INDEX dead_task_died ON dead_task (died_at);

CREATE TABLE paused_queue (
  queue text COLLATE "C" PRIMARY KEY,
  paused_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE paused_queue IS 'TaskQueue: queues whose tasks no worker claims. Written by pause_queue and resume_queue.';

-- The words are the contract's. A view, so that the table may change under it.
CREATE VIEW live_task AS
  SELECT t.id,
    CASE
      WHEN t.finished_at IS NOT NULL THEN 'finished'
      WHEN t.lease_until > statement_timestamp() THEN 'running'
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
    t.payload::json AS payload
  FROM task t;
COMMENT ON VIEW live_task IS
  'TaskQueue: live tasks with their state in words. Stable: a column keeps its name, type and meaning, and a state its meaning,
  in all versions of this schema; columns and states may be added, anywhere, so name the columns that you read.';
COMMENT ON COLUMN live_task.id IS 'The task''s id; it keeps it as a dead letter and when it is redriven.';
COMMENT ON COLUMN live_task.state IS
  'waiting: not due yet. due: a worker may claim it. paused: due, but its queue is paused. running: a worker holds it.
  finished: completed, and kept only because its unique key counts until unique_until.';
COMMENT ON COLUMN live_task.type IS 'Which handler runs it.';
COMMENT ON COLUMN live_task.queue IS 'Its queue.';
COMMENT ON COLUMN live_task.priority IS 'Lower first; 100 by default.';
COMMENT ON COLUMN live_task.due_at IS 'From when on it may be claimed; NULL if finished.';
COMMENT ON COLUMN live_task.lease_until IS 'For how long its worker holds it, if no renewal comes; NULL unless running.';
COMMENT ON COLUMN live_task.attempt IS 'Claims so far; the attempt under way counts.';
COMMENT ON COLUMN live_task.failures IS 'Attempts that ended with an error.';
COMMENT ON COLUMN live_task.crashes IS 'Attempts whose lease ran out without an outcome, since the last outcome.';
COMMENT ON COLUMN live_task.max_attempts IS 'How many attempts may fail; NULL: as its retry policy says.';
COMMENT ON COLUMN live_task.last_error IS 'The message of the last error; NULL: none yet.';
COMMENT ON COLUMN live_task.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN live_task.deadline IS 'From then on it is not begun any more but becomes a dead letter; NULL: never.';
COMMENT ON COLUMN live_task.cancel_requested IS 'Its worker is asked to stop.';
COMMENT ON COLUMN live_task.runs_again IS 'It runs once more when the attempt under way ends.';
COMMENT ON COLUMN live_task.unique_key IS 'No other live task of the queue has it; NULL: none.';
COMMENT ON COLUMN live_task.finished_at IS 'When it completed; NULL unless finished.';
COMMENT ON COLUMN live_task.unique_until IS 'Until when its unique key counts; NULL unless finished.';
COMMENT ON COLUMN live_task.errors IS 'The last 10 errors, oldest first, with message, errorType, attempt and at (seconds since 1970).';
COMMENT ON COLUMN live_task.headers IS 'A JSON object of strings; NULL: none.';
COMMENT ON COLUMN live_task.payload IS 'What its handler gets.';

CREATE VIEW dead_letter AS
  SELECT d.id, d.reason, d.detail, d.died_at, d.type::text COLLATE "C" AS type, d.queue::text COLLATE "C" AS queue,
    d.priority::int AS priority, d.attempt, d.failures, d.crashes, d.max_attempts::int AS max_attempts,
    d.errors -> -1 ->> 'message' AS last_error, d.created_at, d.deadline, d.unique_key::text COLLATE "C" AS unique_key, d.errors,
    d.headers::json AS headers, d.payload::json AS payload
  FROM dead_task d;
COMMENT ON VIEW dead_letter IS
  'TaskQueue: tasks put aside: failed, cancelled, discarded. redrive() makes them live again, purge() deletes them. Stable: a
  column keeps its name, type and meaning in all versions of this schema; columns and reasons may be added, anywhere, so name the
  columns that you read.';
COMMENT ON COLUMN dead_letter.id IS 'The id of the task.';
COMMENT ON COLUMN dead_letter.reason IS 'Why, in a word, such as failed or cancelled.';
COMMENT ON COLUMN dead_letter.detail IS 'Why, in the words of its handler or of the queue; NULL: nothing to say.';
COMMENT ON COLUMN dead_letter.died_at IS 'When it was put aside.';
COMMENT ON COLUMN dead_letter.type IS 'Which handler ran it.';
COMMENT ON COLUMN dead_letter.queue IS 'Its queue.';
COMMENT ON COLUMN dead_letter.priority IS 'Lower first; 100 by default.';
COMMENT ON COLUMN dead_letter.attempt IS 'Claims that it had.';
COMMENT ON COLUMN dead_letter.failures IS 'Attempts that ended with an error.';
COMMENT ON COLUMN dead_letter.crashes IS 'Attempts whose lease ran out without an outcome, since the last outcome.';
COMMENT ON COLUMN dead_letter.max_attempts IS 'How many attempts might fail; NULL: as its retry policy said.';
COMMENT ON COLUMN dead_letter.last_error IS 'The message of the last error; NULL: none.';
COMMENT ON COLUMN dead_letter.created_at IS 'When it was enqueued.';
COMMENT ON COLUMN dead_letter.deadline IS 'When it should have been begun at the latest; NULL: none. Redriven without it.';
COMMENT ON COLUMN dead_letter.unique_key IS 'While a live task of the queue has it, this one is not redriven; NULL: none.';
COMMENT ON COLUMN dead_letter.errors IS 'The last 10 errors, oldest first, with message, errorType, attempt and at (seconds since 1970).';
COMMENT ON COLUMN dead_letter.headers IS 'A JSON object of strings; NULL: none.';
COMMENT ON COLUMN dead_letter.payload IS 'What its handler got.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (1, 'task_queue', 1);
