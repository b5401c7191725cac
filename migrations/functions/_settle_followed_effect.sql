-- A settled effect that took over another task's call settles that one's, too: else it would be listed, and taken over, for ever.
-- Downwards, as those who follow each other lock in that order.
CREATE OR REPLACE FUNCTION _settle_followed_effect(e effect) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
  followed bigint := e.follows;
BEGIN
  WHILE followed IS NOT NULL AND e.state IN ('open', 'succeeded', 'failed') LOOP
    UPDATE effect x SET state = e.state, value = e.value, code = e.code, reason = e.reason, changed_at = e.changed_at,
      token = uuid_hash_extended(gen_random_uuid(), 0)
    WHERE x.task_id = followed AND x.name = e.name AND x.key = e.key AND x.state IN ('intended', 'unknown', 'parked')
    RETURNING x.follows INTO followed;
  END LOOP;
END $$;
