CREATE OR REPLACE FUNCTION schedule_pause(schedule_name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  UPDATE schedule s SET paused = true WHERE s.name = schedule_name;
  RETURN FOUND;
END $$;

COMMENT ON FUNCTION schedule_pause IS
  'Lets a schedule make no more tasks until schedule_resume; those that it made go on. Programs that declare it do not undo it. Returns
  whether there is such a schedule.';
