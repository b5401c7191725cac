-- Gives free slots to those who wait for them: see _next_in_line. With a claim that follows in this transaction it is left to that one,
-- which admits and claims by one update of a row. With waits the caller's transaction is the app's.
CREATE OR REPLACE FUNCTION _fill(free_keys text[], free_slots int[], claims boolean, waits boolean) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  next record;
BEGIN
  IF waits THEN
    PERFORM _fill_later(free_keys);
    RETURN;
  ELSIF claims THEN
    PERFORM set_config('taskqueue.free_keys',
        (coalesce(nullif(current_setting('taskqueue.free_keys', true), '')::text[], '{}') || free_keys)::text, true),
      set_config('taskqueue.free_slots',
        (coalesce(nullif(current_setting('taskqueue.free_slots', true), '')::int[], '{}') || free_slots)::text, true);
    RETURN;
  END IF;
  SELECT * INTO next FROM _next_in_line(free_keys, free_slots);
  PERFORM _admit(next.rows, next.slots);
END $$;
