-- The journal of actions is only added to, whoever asks; _drop_actions alone drops what is old.
CREATE OR REPLACE FUNCTION _guard_actions() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  -- The setting anybody may set, but nobody else acts as the owner.
  IF TG_OP = 'DELETE' AND current_setting('taskqueue.drops_actions', true) = 'on'
    AND current_user = (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = TG_RELID)
  THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'TaskQueue: the journal of actions is only added to' USING ERRCODE = 'insufficient_privilege',
    HINT = 'Old lines go by the retention of a worker''s configuration.';
END $$;
