--   SELECT taskqueue.grant_enqueuer('web');
CREATE OR REPLACE FUNCTION grant_enqueuer(role_name text) RETURNS void
LANGUAGE sql
SET search_path FROM CURRENT
AS $$
  SELECT _grant(role_name, ARRAY['EXECUTE ON FUNCTION enqueue, _enqueue_many, _enqueue_as_owner, _as_jsonb'])
$$;

COMMENT ON FUNCTION grant_enqueuer IS
  'Lets a role enqueue, by enqueue() and by TaskClient, and nothing else: it reads no task and no table of tasks. Only for the owner of
  the schema''s tables. Idempotent; to be repeated after an upgrade. Takes no right away that the role had before.';
