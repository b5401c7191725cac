-- Records an event whose subject nobody knows yet, with its payload. false: it was received before.
CREATE OR REPLACE FUNCTION _remember_event(event_source text, event text, event_subject text, event_payload json, keep interval)
RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  INSERT INTO inbox_event (source, event_id, subject, payload, is_pending, expires_at)
  VALUES (event_source, event, event_subject, event_payload, true, clock_timestamp() + least(keep, interval '100 years'))
  ON CONFLICT (source, event_id) DO NOTHING;
  RETURN FOUND;
END $$;
