-- Whether two documents say the same; those that jsonb does not take, if they are written alike.
CREATE OR REPLACE FUNCTION _same_json(one json, other json) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path FROM CURRENT
AS $$
  SELECT one::text IS NOT DISTINCT FROM other::text OR coalesce(_as_jsonb(one) = _as_jsonb(other), false)
$$;
