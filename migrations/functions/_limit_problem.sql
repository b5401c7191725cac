-- What is wrong with a limit's name and key; NULL: nothing. The bounds of enqueue.
CREATE OR REPLACE FUNCTION _limit_problem(limit_name text, limit_key text DEFAULT '') RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
  SELECT CASE
    WHEN limit_name IS NULL OR octet_length(limit_name) NOT BETWEEN 1 AND 64 OR limit_name ~ E'[\\x01-\\x1f\\x7f/]'
      THEN 'a limit''s name must have 1 to 64 bytes and no slashes or control characters'
    WHEN limit_key IS NULL OR octet_length(limit_key) > 128 OR limit_key ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'a limit''s key must have at most 128 bytes and no control characters, and is not NULL'
  END
$$;
