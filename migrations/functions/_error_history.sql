-- The history with one error more, cut to the last 10.
CREATE OR REPLACE FUNCTION _error_history(history jsonb, failure json) RETURNS jsonb
LANGUAGE sql STABLE
AS $$
  SELECT CASE
    WHEN failure IS NULL THEN history
    -- A row written by hand may have another shape.
    WHEN history IS NULL OR jsonb_typeof(history) <> 'array' THEN jsonb_build_array(failure)
    WHEN jsonb_array_length(history) >= 10 THEN (history - 0) || jsonb_build_array(failure)
    ELSE history || jsonb_build_array(failure)
  END
$$;
