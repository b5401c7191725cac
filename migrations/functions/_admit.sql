-- Gives slots to tasks that the caller has locked (_next_in_line), and tells workers. They are due from now on, so behind no place that a
-- worker remembers.
CREATE OR REPLACE FUNCTION _admit(rows tid[], slots int[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
  queues text[];
BEGIN
  WITH admitted AS (
    UPDATE task t SET slot = u.slot, ready = true, lease_until = 'epoch', due_at = clock_timestamp()
    FROM unnest(rows, slots) AS u(ctid, slot) WHERE t.ctid = u.ctid
    RETURNING t.queue
  )
  SELECT array_agg(DISTINCT a.queue::text) INTO queues FROM admitted a;
  IF queues IS NOT NULL THEN
    PERFORM _wake(queues);
  END IF;
END $$;
