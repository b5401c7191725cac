-- TaskQueue, version 9: reports. Applied after the versions before it by install.sql or by `Migrator`. Frozen: see docs/upgrading.md. Adds
-- columns that may be NULL and a view, and changes nothing of the versions before, so programs of all of them may run at once.

-- What a worker ran when it reported, and which version of its program it is. NULL where the program does not say, as older ones do not.
-- held: the attempts that it had run for 10 s, the oldest 20: [{"task", "type", "attempt", "since"}], since in seconds since 1970. In no index.
ALTER TABLE worker
  ADD COLUMN in_flight int,
  ADD COLUMN held jsonb CONSTRAINT worker_held CHECK (jsonb_typeof(held) = 'array'),
  ADD COLUMN version text COLLATE "C"
    CONSTRAINT worker_version CHECK (octet_length(version) BETWEEN 1 AND 128 AND version !~ E'[\\x01-\\x1f\\x7f]');

CREATE OR REPLACE VIEW workers AS
  SELECT w.id, w.name, w.queues, w.types, w.slots, w.started_at, w.seen_at, w.version, w.in_flight
  FROM worker w WHERE w.seen_at > statement_timestamp() - interval '2 min';
COMMENT ON COLUMN workers.seen_at IS 'When it reported last; it does every 30 s, and sooner when held_task changes.';
COMMENT ON COLUMN workers.version IS 'Of its program, as its configuration says; NULL: it does not.';
COMMENT ON COLUMN workers.in_flight IS 'Attempts that it ran at seen_at; NULL: an older program, which does not say.';

CREATE VIEW held_task AS
  SELECT (h ->> 'task')::bigint AS task_id, h ->> 'type' AS type, (h ->> 'attempt')::int AS attempt, to_timestamp((h ->> 'since')::float8) AS since,
    w.id AS worker_id, w.name AS worker_name, w.seen_at
  -- What has another form is left out: it was written by hand, or by a newer program.
  FROM worker w CROSS JOIN LATERAL jsonb_path_query(w.held, '$[*] ? (@.task.abs() < 9223372036854775807 && @.task.floor() == @.task
    && @.type.type() == "string" && @.attempt.abs() < 2147483648 && @.attempt.floor() == @.attempt && @.since.abs() < 1e11)', '{}', true) AS h
  WHERE w.seen_at > statement_timestamp() - interval '2 min';
COMMENT ON VIEW held_task IS
  'TaskQueue: which worker runs which task, of attempts that had run for 10 s when their worker reported: of each worker the oldest 20. What has ended
  since is here until the next report. Stable: a column keeps its name, type and meaning in all versions of this schema; columns may be added, anywhere,
  so name the columns that you read.';
COMMENT ON COLUMN held_task.since IS 'When the attempt''s claim took the task.';
COMMENT ON COLUMN held_task.seen_at IS 'When the worker reported it.';

-- It has a parameter more.
DROP FUNCTION IF EXISTS _claim(text[], text[], int, bigint, interval, int[], int[], int[], timestamptz[], bigint[], int[], boolean,
  timestamptz, timestamptz);

INSERT INTO migration (version, name, minimum_program_version) VALUES (9, 'reports', 1);
