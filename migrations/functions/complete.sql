-- For drivers other than ours: an error is what no transaction passes by.
CREATE OR REPLACE FUNCTION complete(task_id bigint, lease_token bigint) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  -- Of a flow, a group's member, or one that was enqueued to be kept.
  IF EXISTS (SELECT FROM task t WHERE t.id = complete.task_id AND t.lease_token = complete.lease_token
    AND (t.has_steps OR t.headers ->> 'taskqueue-retain' IS NOT NULL))
  THEN
    IF NOT EXISTS (
      SELECT FROM _conclude(ARRAY[task_id], ARRAY[lease_token], NULL, nullif(ARRAY(
        SELECT CASE WHEN t.headers ->> 'taskqueue-retain' ~ '^[0-9]{1,255}$'
          THEN least((t.headers ->> 'taskqueue-retain')::numeric, 31622400)::int * interval '1 s' END
        FROM task t WHERE t.id = complete.task_id), ARRAY[NULL::interval]), true))
    THEN
      RAISE EXCEPTION 'TaskQueue: task % is no longer held by this claim', task_id
        USING ERRCODE = 'TQ001',
          HINT = 'Roll the transaction back: the task was completed, cancelled or taken over after its lease ended.';
    END IF;
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM _settle_complete(ARRAY[task_id], ARRAY[lease_token], true)) THEN
    RAISE EXCEPTION 'TaskQueue: task % is no longer held by this claim', task_id
      USING ERRCODE = 'TQ001',
        HINT = 'Roll the transaction back: the task was completed, cancelled or taken over after its lease ended.';
  END IF;
END $$;

COMMENT ON FUNCTION complete IS
  'Completes a claimed task in the caller''s transaction: what else that writes commits if and only if the completion does. Fails
  with SQLSTATE TQ001 if the claim no longer holds the task, so that the transaction cannot commit.';
