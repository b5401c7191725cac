-- Whether nothing of a line is admitted now, because its limit or the line itself is paused.
CREATE OR REPLACE FUNCTION _closed_line(line text) RETURNS boolean
LANGUAGE sql
STABLE
SET search_path FROM CURRENT
AS $$
  SELECT EXISTS (SELECT FROM limit_rule r WHERE r.name = split_part(line, '/', 1) AND r.is_paused)
    OR EXISTS (SELECT FROM limit_pace p WHERE p.limit_key = line AND p.paused_until > clock_timestamp())
$$;
