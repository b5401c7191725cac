-- Whether two definitions of schedules have the same slots.
CREATE OR REPLACE FUNCTION _same_schedule_plan(one json, other json) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path FROM CURRENT
AS $$
  SELECT (one ->> 'rule', one ->> 'timeZone', coalesce((one ->> 'jitterSeconds')::float8, 0))
    IS NOT DISTINCT FROM (other ->> 'rule', other ->> 'timeZone', coalesce((other ->> 'jitterSeconds')::float8, 0))
$$;
