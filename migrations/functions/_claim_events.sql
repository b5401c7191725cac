-- Hands over, once, the events remembered for a subject that becomes known in this transaction; oldest first.
CREATE OR REPLACE FUNCTION _claim_events(event_source text, event_subject text, max_count int)
RETURNS TABLE (event_id text, payload json, received_at timestamptz)
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  PERFORM _lock_inbox_subject(event_source, event_subject);
  RETURN QUERY
  WITH pending AS (
    SELECT i.source, i.event_id, i.payload, i.received_at FROM inbox_event i
    WHERE i.source = event_source AND i.subject = event_subject AND i.is_pending AND i.expires_at > clock_timestamp()
    ORDER BY i.received_at, i.event_id LIMIT max_count FOR UPDATE
  ), claimed AS (
    UPDATE inbox_event i SET is_pending = false, payload = NULL FROM pending p
    WHERE i.source = p.source AND i.event_id = p.event_id
  )
  SELECT p.event_id::text, p.payload::json, p.received_at FROM pending p ORDER BY p.received_at, p.event_id;
END $$;
