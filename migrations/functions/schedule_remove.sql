CREATE OR REPLACE FUNCTION schedule_remove(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  DELETE FROM schedule s WHERE s.name = schedule_name;
  RETURN FOUND;
END $$;

COMMENT ON FUNCTION schedule_remove IS
  'Deletes a schedule; the tasks that it made go on. A program that declares it adds it again when it starts: take it out of the
  program first, or pause it. Returns whether there was one.';
