-- When a line is to be looked at after a slot was left that nobody was given: 1 s later; where the limit has a rate, a moment before the next
-- stamp; at the end of a pause.
CREATE OR REPLACE FUNCTION _next_look(line text) RETURNS timestamptz
LANGUAGE sql
STABLE
SET search_path FROM CURRENT
AS $$
  SELECT CASE
      WHEN p.paused_until > clock_timestamp() THEN p.paused_until
      WHEN r.gap IS NULL THEN clock_timestamp() + interval '1 s'
      ELSE greatest(p.next_at - interval '300 ms', clock_timestamp())
    END
  FROM limit_rule r LEFT JOIN limit_pace p ON p.limit_key = line WHERE r.name = split_part(line, '/', 1)
$$;
