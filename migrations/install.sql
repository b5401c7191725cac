-- Creates or upgrades TaskQueue's schema, as `Migrator` does, in one transaction. PostgreSQL 13 or newer; psql 11 or newer.
--
--   psql -v ON_ERROR_STOP=1 -1 -v schema=taskqueue -f migrations/install.sql
--
-- Safe to repeat, and to mix with `Migrator`. The schema is created if it is missing; "taskqueue" if none is named.
-- Functions whose plans matter pin them with SET clauses: a plan made on an empty table would be kept otherwise, and session
-- settings do not survive a transaction pooler. What has to use a plan that is switched off, such as a sort of a handful of names
-- from PostgreSQL 16 on, costs so much on paper that it would be compiled with every call: hence jit = off.
-- Joins with arrays of ids say t.id BETWEEN u.id AND u.id: with t.id = u.id, the order of the whole index is of use to a merge join, which
-- leaves it a candidate, and on an empty table the first choice. So nothing but a probe per id is left.

\set ON_ERROR_STOP on
\set QUIET on
-- A savepoint around each statement would hide whose the functions are; without AUTOCOMMIT nothing would be committed.
\set ON_ERROR_ROLLBACK off
\set AUTOCOMMIT on
-- Of the functions below: raised with every change of one of them (docs/upgrading.md).
\set revision 1
\set newest_version 9
\if :{?schema}
\else
  \set schema taskqueue
\endif

-- A setting of the transaction is gone in the next statement if there is none around both: if -1 was forgotten.
SELECT set_config('taskqueue.install', 'on', true) AS setting \gset
SELECT current_setting('taskqueue.install') = 'on' AS is_in_transaction \gset
\if :is_in_transaction
\else
  BEGIN;
\endif

-- Limits for an app's statements are too short for these.
SELECT set_config('statement_timeout', '0', true) AS statements, set_config('lock_timeout', '0', true) AS locks,
  set_config('idle_in_transaction_session_timeout', '0', true) AS pauses \gset
-- The migrator's lock, to the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('taskqueue.migrator:' || :'schema', 0))::text AS lock,
  set_config('client_min_messages', 'warning', true) AS messages,
  set_config('standard_conforming_strings', 'on', true) AS strings \gset
SELECT NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = :'schema') AS is_missing \gset
\if :is_missing
  CREATE SCHEMA :"schema";
\endif
SELECT NOT has_schema_privilege(:'schema', 'USAGE') AS is_locked,
  set_config('taskqueue.schema', quote_ident(:'schema'), true) AS name \gset
\if :is_locked
  DO $$
  BEGIN
    RAISE EXCEPTION 'permission denied for schema %', current_setting('taskqueue.schema')
      USING ERRCODE = 'insufficient_privilege',
        HINT = format('Let its owner run: GRANT USAGE ON SCHEMA %s TO %I', current_setting('taskqueue.schema'), current_user);
  END $$;
\endif
-- pg_temp last: a temporary table called "task" must not hide ours. Strangers are functions that are there before ours.
SELECT set_config('search_path', quote_ident(:'schema') || ', pg_temp', true) AS path,
  to_regclass(format('%I.migration', :'schema')) IS NULL AS is_missing,
  (SELECT '{' || coalesce(string_agg(p.oid::text, ','), '') || '}' FROM pg_proc p
    WHERE p.pronamespace = quote_ident(:'schema')::regnamespace) AS strangers \gset

\if :is_missing
\else
  \set strangers {}
  DO $$
  BEGIN
    IF NOT EXISTS (
      SELECT FROM pg_class c WHERE c.oid = to_regclass(quote_ident(current_schema()) || '.migration') AND c.relkind = 'r'
        AND to_regclass(quote_ident(current_schema()) || '.installed_function') IS NOT NULL
        AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND (a.attname, a.atttypid) IN (('version', 'int4'::regtype),
          ('name', 'text'::regtype), ('minimum_program_version', 'int4'::regtype), ('checksum', 'text'::regtype),
          ('applied_at', 'timestamptz'::regtype))) = 5)
    THEN
      RAISE EXCEPTION 'the table %.migration is not TaskQueue''s', quote_ident(current_schema())
        USING HINT = 'Give TaskQueue a schema of its own.';
    END IF;
  END $$;
  DO $$
  BEGIN
    IF (SELECT name FROM migration WHERE version = 1) IS DISTINCT FROM 'task_queue' THEN
      RAISE EXCEPTION 'the table %.migration is not TaskQueue''s', quote_ident(current_schema())
        USING HINT = 'Give TaskQueue a schema of its own.';
    END IF;
  END $$;
\endif

\if :is_missing
  \ir V0001_task_queue.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 2) AS is_missing \gset
\if :is_missing
  \ir V0002_effects.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 3) AS is_missing \gset
\if :is_missing
  \ir V0003_schedules.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 4) AS is_missing \gset
\if :is_missing
  \ir V0004_limits.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 5) AS is_missing \gset
\if :is_missing
  \ir V0005_workers.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 6) AS is_missing \gset
\if :is_missing
  \ir V0006_flows.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 7) AS is_missing \gset
\if :is_missing
  \ir V0007_results.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 8) AS is_missing \gset
\if :is_missing
  \ir V0008_operations.sql
\endif

SELECT NOT EXISTS (SELECT FROM migration WHERE version = 9) AS is_missing \gset
\if :is_missing
  \ir V0009_reports.sql
\endif

SELECT coalesce(max(minimum_program_version), 0) > :newest_version AS is_incompatible FROM migration
WHERE version > :newest_version \gset
\if :is_incompatible
  DO $$
  BEGIN
    RAISE EXCEPTION 'the schema % is newer than this file and not compatible with it', quote_ident(current_schema())
      USING HINT = 'Install a newer release of TaskQueue.';
  END $$;
\endif

-- Functions of a newer release are left alone. Those that SQL functions call come first.
SELECT coalesce(max(revision), 0) <= :revision AS is_current FROM installed_function \gset
\if :is_current
  \ir functions/_actions_about.sql
  \ir functions/_admit.sql
  \ir functions/_as_jsonb.sql
  \ir functions/_as_operator.sql
  \ir functions/_await_event.sql
  \ir functions/_begin_effect.sql
  \ir functions/_bury.sql
  \ir functions/_channel.sql
  \ir functions/_claim.sql
  \ir functions/_claim_bytes.sql
  \ir functions/_claim_events.sql
  \ir functions/_closed_line.sql
  \ir functions/_conclude.sql
  \ir functions/_count_ends.sql
  \ir functions/_drop_actions.sql
  \ir functions/_drop_dead_letters.sql
  \ir functions/_due_schedules.sql
  \ir functions/_effect_key.sql
  \ir functions/_end_effect.sql
  \ir functions/_enqueue_as_owner.sql
  \ir functions/_enqueue_many.sql
  \ir functions/_error_history.sql
  \ir functions/_fill.sql
  \ir functions/_fill_at_rate.sql
  \ir functions/_fill_later.sql
  \ir functions/_fire_schedules.sql
  \ir functions/_give_back.sql
  \ir functions/_grant.sql
  \ir functions/_guard_actions.sql
  \ir functions/_journal.sql
  \ir functions/_keep_history.sql
  \ir functions/_limit_brief.sql
  \ir functions/_limit_changed.sql
  \ir functions/_limit_lines.sql
  \ir functions/_limit_problem.sql
  \ir functions/_list_tasks.sql
  \ir functions/_lock_inbox_subject.sql
  \ir functions/_look.sql
  \ir functions/_look_at_events.sql
  \ir functions/_make_group.sql
  \ir functions/_next_in_line.sql
  \ir functions/_next_look.sql
  \ir functions/_note_throughput.sql
  \ir functions/_note_worker.sql
  \ir functions/_note_worker_2.sql
  \ir functions/_operate.sql
  \ir functions/_overview.sql
  \ir functions/_promote.sql
  \ir functions/_purge_effects.sql
  \ir functions/_purge_events.sql
  \ir functions/_purge_flows.sql
  \ir functions/_purge_groups.sql
  \ir functions/_put_schedules.sql
  \ir functions/_rate_problem.sql
  \ir functions/_receive_event.sql
  \ir functions/_record_steps.sql
  \ir functions/_redrive.sql
  \ir functions/_remember_event.sql
  \ir functions/_renew.sql
  \ir functions/_same_json.sql
  \ir functions/_same_schedule_plan.sql
  \ir functions/_schedule_brief.sql
  \ir functions/_schedule_tasks.sql
  \ir functions/_settle.sql
  \ir functions/_settle_complete.sql
  \ir functions/_settle_followed_effect.sql
  \ir functions/_settle_rerun.sql
  \ir functions/_suspend.sql
  \ir functions/_task_brief.sql
  \ir functions/_task_detail.sql
  \ir functions/_unwind.sql
  \ir functions/_wake.sql
  \ir functions/_wake_schedules.sql
  \ir functions/_was_enqueued.sql
  \ir functions/cancel.sql
  \ir functions/complete.sql
  \ir functions/declare_limit.sql
  \ir functions/delete_duplicates.sql
  \ir functions/emit.sql
  \ir functions/enqueue.sql
  \ir functions/explain.sql
  \ir functions/grant_enqueuer.sql
  \ir functions/grant_operator.sql
  \ir functions/grant_worker.sql
  \ir functions/pause_limit.sql
  \ir functions/pause_limit_for.sql
  \ir functions/pause_queue.sql
  \ir functions/purge.sql
  \ir functions/redrive.sql
  \ir functions/reset_limit.sql
  \ir functions/resolve_effect.sql
  \ir functions/resume_limit.sql
  \ir functions/resume_queue.sql
  \ir functions/retry.sql
  \ir functions/run_now.sql
  \ir functions/schedule_pause.sql
  \ir functions/schedule_put.sql
  \ir functions/schedule_remove.sql
  \ir functions/schedule_reset.sql
  \ir functions/schedule_resume.sql
  \ir functions/schedule_run.sql
  \ir functions/set_limit.sql
  \ir functions/take_limit.sql

  SELECT EXISTS (SELECT FROM pg_proc p WHERE p.oid = ANY (:'strangers'::oid[]) AND p.xmin = pg_current_xact_id()::xid)
    AS has_replaced \gset
  \if :has_replaced
    DO $$
    BEGIN
      RAISE EXCEPTION 'the schema % has functions of our names that are not TaskQueue''s', quote_ident(current_schema())
        USING HINT = 'Give TaskQueue a schema of its own.';
    END $$;
  \endif

  -- The functions that this transaction wrote.
  INSERT INTO installed_function (name, revision)
  SELECT DISTINCT p.proname, :revision FROM pg_proc p
  WHERE p.pronamespace = quote_ident(current_schema())::regnamespace AND p.xmin = pg_current_xact_id()::xid
  ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, checksum = NULL, applied_at = now();
\endif

\if :is_in_transaction
\else
  COMMIT;
\endif
