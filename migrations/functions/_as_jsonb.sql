-- NULL: what json takes and jsonb does not, such as an escaped NUL, half a surrogate pair, or a number beyond numeric.
CREATE OR REPLACE FUNCTION _as_jsonb(document json) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
AS $$
BEGIN
  RETURN document::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END $$;
