-- The journal of actions is only added to, whoever asks; _drop_actions alone drops what is old.
CREATE OR REPLACE FUNCTION _guard_actions() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('taskqueue.drops_actions', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'TaskQueue: the journal of actions is only added to' USING ERRCODE = 'insufficient_privilege',
    HINT = 'Old lines go by the retention of a worker''s configuration.';
END $$;
