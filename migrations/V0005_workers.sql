-- TaskQueue, version 5: workers. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see docs/upgrading.md. Adds a
-- table and a view and changes nothing of the versions before, so programs of all of them may run at once.

-- A hint for people, nothing is decided by it. A worker writes its row when it starts and every 30 s, and deletes it when it shuts down.
-- seen_at is in no index, so a renewal is a HOT update.
CREATE TABLE worker (
  id uuid PRIMARY KEY,
  name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 128 AND name !~ E'[\\x01-\\x1f\\x7f]'),
  queues text[] COLLATE "C" NOT NULL,
  types text[] COLLATE "C" NOT NULL,
  slots int NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE worker IS
  'TaskQueue: workers as they have reported. Read workers instead, which leaves out those that died. Written by workers alone.';

CREATE VIEW workers AS
  SELECT w.id, w.name, w.queues, w.types, w.slots, w.started_at, w.seen_at
  FROM worker w WHERE w.seen_at > statement_timestamp() - interval '2 min';
COMMENT ON VIEW workers IS
  'TaskQueue: workers that run now, and which queues and types they serve. One that is killed is here for 2 minutes more. Stable: a column
  keeps its name, type and meaning in all versions of this schema; columns may be added, anywhere, so name the columns that you read.';
COMMENT ON COLUMN workers.slots IS 'Handlers that it runs at the same time.';
COMMENT ON COLUMN workers.seen_at IS 'When it reported last; it does every 30 s.';

INSERT INTO migration (version, name, minimum_program_version) VALUES (5, 'workers', 1);
