-- Writes a line of the journal for who acts (taskqueue.actor), and why (taskqueue.reason). Who does not act for a person sets no actor and does not call
-- it. As the owner of the table, so that the role that is logged in is written down as it is: one that may operate, and not one that only reads.
CREATE OR REPLACE FUNCTION _journal(
  verb text, target text, request json DEFAULT NULL, before json DEFAULT NULL, after json DEFAULT NULL, task_ids bigint[] DEFAULT NULL,
  task_count bigint DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
DECLARE
  actor text := current_setting('taskqueue.actor');
  own_reason text := nullif(current_setting('taskqueue.reason', true), '');
BEGIN
  IF NOT (has_table_privilege(session_user, 'action'::regclass, 'SELECT')
      AND has_function_privilege(session_user, '_operate(text, text[])'::regprocedure, 'EXECUTE')) THEN
    RAISE EXCEPTION 'TaskQueue: the role % may not act for people', quote_ident(session_user) USING ERRCODE = 'insufficient_privilege',
      HINT = format('The owner of the tables can allow it: SELECT %I.grant_operator(%L)', current_schema(), session_user);
  END IF;
  IF octet_length(actor) > 128 OR actor ~ E'[\\x01-\\x1f\\x7f]' OR octet_length(own_reason) > 1000 THEN
    RAISE EXCEPTION 'TaskQueue: taskqueue.actor must have 1 to 128 bytes and no control characters, taskqueue.reason at most 1000 bytes'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO action (actor, verb, target, reason, request, before, after, task_ids, task_count)
  VALUES (actor, verb, target, own_reason, request, before, after,
    coalesce(task_ids[1:1000], '{}'), coalesce(task_count, cardinality(task_ids), 0));
END $$;
