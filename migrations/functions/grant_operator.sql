--   SELECT taskqueue.grant_operator('on_call');
-- FOR UPDATE needs the right to update some column: of dead_task one that only people read.
CREATE OR REPLACE FUNCTION grant_operator(role_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  SELECT _grant(role_name, ARRAY[
    'SELECT ON task, dead_task, effect, inbox_event, alarm_rule, paused_queue, limit_rule, limit_pace, limits, live_task, dead_letter, overdue, unsettled_effect,
      schedule, schedule_status, worker, workers, held_task, step, event, event_wait, done, done_task, throughput_minute, throughput, task_group, groups, group_end,
      action, operator_action',
    'SELECT ON SEQUENCE task_id_seq',
    'INSERT, DELETE ON paused_queue',
    'INSERT ON limit_look',
    'INSERT, UPDATE, DELETE ON alarm_rule',
    'DELETE, UPDATE (detail) ON dead_task',
    'EXECUTE ON FUNCTION explain, _was_enqueued, _operate, _as_operator, cancel, retry, run_now, redrive, _redrive, purge, pause_queue, resume_queue, resolve_effect,
      set_limit, pause_limit, pause_limit_for, resume_limit, reset_limit, _limit_problem, _rate_problem, _wake, _channel, schedule_pause, schedule_resume, schedule_remove,
      _journal, _task_brief, _limit_brief, _schedule_brief, _list_tasks, _overview, _task_detail, _limit_lines, _actions_about'])
$$;

COMMENT ON FUNCTION grant_operator IS
  'Lets a role look at everything, payloads included, and use explain, cancel, retry, run_now, redrive, purge, pause_queue, resume_queue,
  resolve_effect, set_limit, pause_limit, pause_limit_for, resume_limit, reset_limit, schedule_pause, schedule_resume and schedule_remove, also by TaskClient. What it does is written to the journal operator_action if it sets taskqueue.actor. It cannot enqueue, claim or settle tasks, nor write a
  payload, nor change the journal. Only for the owner of the
  schema''s tables. Idempotent; to be repeated after an upgrade. Takes no right away that the role had before.';
