--   SELECT taskqueue.grant_worker('jobs');
CREATE OR REPLACE FUNCTION grant_worker(role_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  SELECT _grant(role_name, ARRAY[
    'SELECT, INSERT, UPDATE, DELETE ON task, dead_task, effect, inbox_event, alarm_rule, schedule, worker',
    'SELECT, INSERT, UPDATE ON limit_rule',
    'SELECT, INSERT, UPDATE, DELETE ON limit_look, limit_pace, step, event, event_wait, event_look, throughput_minute, task_group, group_end',
    'SELECT, INSERT ON done',
    'SELECT ON paused_queue, limits, effect_namespace, live_task, dead_letter, overdue, unsettled_effect, schedule_status, workers,
      held_task, done_task, throughput, groups, action, operator_action',
    'USAGE, SELECT ON SEQUENCE task_id_seq, task_group_id_seq',
    format('EXECUTE ON ALL FUNCTIONS IN SCHEMA %I', current_schema())])
$$;

COMMENT ON FUNCTION grant_worker IS
  'Lets a role do all that TaskWorker, its handlers, effects, flows, the callback inbox and the alarms do, schedules too, and enqueue. It cannot pause queues
  or change the schema. Only for the owner of the schema''s tables. Idempotent; to be repeated after an upgrade. Takes no right away
  that the role had before.';
