-- What the journal says of a schedule; NULL: there is none. Without its payload and headers.
CREATE OR REPLACE FUNCTION _schedule_brief(schedule_name text) RETURNS json
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$
  SELECT ((s.definition::jsonb - 'headers') || jsonb_build_object('paused', s.paused, 'changed', s.changed))::json
  FROM schedule s WHERE s.name = schedule_name
$$;
