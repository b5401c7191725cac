-- _enqueue_many for roles without a right on the table (see grant_enqueuer), which calls it for them.
CREATE OR REPLACE FUNCTION _enqueue_as_owner(
  types text[], payloads json[], queues text[], priorities int[], delays interval[], due_ats timestamptz[],
  unique_keys text[], unique_modes text[], unique_periods interval[], max_attempts int[], retries json[],
  headers json[], deadlines timestamptz[], wakes boolean, limits text[] DEFAULT '{}',
  OUT task_id bigint, OUT is_new boolean
) RETURNS SETOF record
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
  -- Else the two would call each other for ever.
  IF NOT has_table_privilege('task'::regclass, 'INSERT') THEN
    RAISE EXCEPTION 'TaskQueue: the owner of the functions may not write the tables' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT * FROM _enqueue_many(types, payloads, queues, priorities, delays, due_ats, unique_keys, unique_modes,
    unique_periods, max_attempts, retries, headers, deadlines, wakes, limits);
END $$;

REVOKE EXECUTE ON FUNCTION _enqueue_as_owner FROM PUBLIC;
