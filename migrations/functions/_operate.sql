-- The public functions of the same names for roles without a right on the tables (see grant_operator), which call it for them. What
-- they ask for is named, so that nothing else can be done with the owner's rights.
CREATE OR REPLACE FUNCTION _operate(operation text, VARIADIC arguments text[]) RETURNS SETOF text
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $$
BEGIN
  -- Else the two would call each other for ever.
  IF NOT has_table_privilege('task'::regclass, 'DELETE') THEN
    RAISE EXCEPTION 'TaskQueue: the owner of the functions may not write the tables' USING ERRCODE = 'insufficient_privilege';
  END IF;
  CASE operation
    WHEN 'cancel' THEN
      RETURN NEXT cancel(arguments[1]::bigint);
    WHEN 'retry' THEN
      RETURN NEXT retry(arguments[1]::bigint);
    WHEN 'run_now' THEN
      RETURN NEXT run_now(arguments[1]::bigint, arguments[2]::int)::text;
    WHEN '_redrive' THEN
      RETURN QUERY SELECT json_build_array(r.id, r.is_revived)::text
        FROM _redrive(arguments[1]::bigint[], arguments[2], arguments[3]::interval, arguments[4]::bigint, arguments[5]::boolean,
          arguments[6]::bigint, arguments[7]::timestamptz) AS r;
    WHEN 'resolve_effect' THEN
      RETURN NEXT resolve_effect(arguments[1]::bigint, arguments[2], arguments[3], arguments[4]::json, arguments[5]);
    WHEN 'set_limit' THEN
      RETURN NEXT set_limit(arguments[1], arguments[2]::int, arguments[3]::int, arguments[4]::interval, arguments[5]::int)::text;
    WHEN 'pause_limit_for' THEN
      RETURN NEXT pause_limit_for(arguments[1], arguments[2]::interval, arguments[3])::text;
    WHEN 'pause_limit' THEN
      RETURN NEXT pause_limit(arguments[1])::text;
    WHEN 'resume_limit' THEN
      RETURN NEXT resume_limit(arguments[1])::text;
    WHEN 'reset_limit' THEN
      RETURN NEXT reset_limit(arguments[1])::text;
    WHEN 'schedule_pause' THEN
      RETURN NEXT schedule_pause(arguments[1])::text;
    WHEN 'schedule_resume' THEN
      RETURN NEXT schedule_resume(arguments[1])::text;
    WHEN 'schedule_remove' THEN
      RETURN NEXT schedule_remove(arguments[1])::text;
  END CASE;
END $$;

REVOKE EXECUTE ON FUNCTION _operate FROM PUBLIC;
