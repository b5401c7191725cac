-- The property becomes a literal of the statement, so that an index which the app may create on
-- task (type, (payload ->> 'property')) is used. A payload can be json and no text for ->> all the same: with an escaped NUL, half a
-- surrogate pair, or nested too deeply. Then a second, slower way looks at each by itself and leaves such tasks out.
-- A task with an effect whose outcome nobody knows stays: its id is what leads to that call. So does one of a group, which waits for its end.
CREATE OR REPLACE FUNCTION delete_duplicates(
  older_than bigint, task_type text, property text, value text, min_priority int DEFAULT -32768
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  statement constant text := 'WITH gone AS (DELETE FROM task WHERE id = ANY (ARRAY(
    SELECT t.id FROM task t
    WHERE t.type = $1 AND t.id < $2 AND t.priority >= $3 AND %s
      AND t.finished_at IS NULL AND t.lease_until <= clock_timestamp() AND t.group_id IS NULL
      AND NOT EXISTS (SELECT FROM effect e WHERE e.task_id = t.id AND e.state IN (''intended'', ''unknown'', ''parked''))
    FOR UPDATE SKIP LOCKED)) RETURNING limit_key, slot)
    SELECT count(*), array_agg(limit_key::text) FILTER (WHERE slot > 0) FROM gone';
  candidate record;
  equal bigint[] := '{}';
  deleted bigint;
  free_keys text[];
BEGIN
  BEGIN
    EXECUTE format(statement, format('t.payload ->> %L = $4', property)) INTO deleted, free_keys
      USING task_type, older_than, min_priority, value;
    IF free_keys IS NOT NULL THEN
      PERFORM _fill_later(free_keys);
    END IF;
    RETURN deleted;
  EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    NULL;
  END;
  FOR candidate IN
    SELECT t.id, t.payload FROM task t WHERE t.type = task_type AND t.id < older_than AND t.priority >= min_priority
  LOOP
    BEGIN
      IF candidate.payload ->> property = value THEN
        equal := equal || candidate.id;
      END IF;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
      NULL;
    END;
  END LOOP;
  EXECUTE format(statement, 't.id = ANY ($4)') INTO deleted, free_keys
    USING task_type, older_than, min_priority, equal;
  IF free_keys IS NOT NULL THEN
    PERFORM _fill_later(free_keys);
  END IF;
  RETURN deleted;
END $$;

COMMENT ON FUNCTION delete_duplicates IS
  'Deletes waiting tasks of a type with a lower id than older_than, the same value of a top-level property of the payload, and that
  priority number or a higher one; never one that a worker holds, one of a group, nor one with an effect whose outcome is unknown. Returns how many.';
