-- The property becomes a literal of
-- the statement, so that an index which the app may create on task (type, (payload ->> 'property')) is used. A payload with
-- an escaped NUL is valid json, but ->> fails on it; then a second, slower way leaves such tasks out.
CREATE OR REPLACE FUNCTION delete_duplicates(
  older_than bigint, task_type text, property text, value text, min_priority int DEFAULT -32768
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  statement text := 'DELETE FROM task WHERE id = ANY (ARRAY(
    SELECT t.id FROM task t
    WHERE t.type = $1 AND t.id < $2 AND t.priority >= $3 AND %s = $4
      AND t.finished_at IS NULL AND t.lease_until <= clock_timestamp()
    FOR UPDATE SKIP LOCKED))';
  deleted bigint;
BEGIN
  BEGIN
    EXECUTE format(statement, format('t.payload ->> %L', property))
    USING task_type, older_than, min_priority, value;
    GET DIAGNOSTICS deleted = ROW_COUNT;
  EXCEPTION WHEN untranslatable_character THEN
    EXECUTE format(
      statement,
      format(E'CASE WHEN strpos(t.payload::text, E''\\\\u0000'') = 0 THEN t.payload ->> %L END', property))
    USING task_type, older_than, min_priority, value;
    GET DIAGNOSTICS deleted = ROW_COUNT;
  END;
  RETURN deleted;
END $$;

COMMENT ON FUNCTION delete_duplicates IS
  'Deletes waiting tasks of a type with a lower id than older_than, the same value of a top-level property of the payload, and that
  priority number or a higher one; never one that a worker holds. Returns how many.';
