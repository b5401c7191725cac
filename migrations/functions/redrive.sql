-- One step: what dies later is another call's. A condition that is not given is neither NULL nor 0 nor empty: a variable that is that by
-- mistake must not stand for all.
CREATE OR REPLACE FUNCTION redrive(
  task_id bigint DEFAULT -1, task_type text DEFAULT '*', older_than interval DEFAULT '0', max_count bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  started_at timestamptz := greatest(clock_timestamp(), (SELECT max(d.died_at) FROM dead_task d));
  looked_at bigint := 0;
  revived bigint := 0;
  found_count bigint;
  new_count bigint;
  last_id bigint;
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted bigint[];
  new_ids bigint[];
BEGIN
  IF older_than < interval '0' THEN
    RAISE EXCEPTION 'TaskQueue: older_than must not be below zero' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF num_nulls(task_id, task_type, older_than) > 0 THEN
    RAISE EXCEPTION 'TaskQueue: a condition of redrive is NULL'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave out the conditions that do not matter: redrive() takes all.';
  END IF;
  IF max_count < 0 THEN
    RAISE EXCEPTION 'TaskQueue: max_count must not be below zero' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Those that stay do not count.
  LOOP
    SELECT count(*), count(*) FILTER (WHERE r.is_revived), max(r.id), (array_agg(r.id ORDER BY r.id) FILTER (WHERE r.is_revived AND is_noted))[1:1000]
    INTO found_count, new_count, last_id, new_ids
    FROM _redrive(CASE WHEN task_id <> -1 THEN ARRAY[task_id] END, nullif(task_type, '*'), nullif(older_than, interval '0'),
      max_count - revived, true, last_id, started_at) AS r;
    looked_at := looked_at + found_count;
    revived := revived + new_count;
    noted := (noted || new_ids)[1:1000];
    EXIT WHEN found_count = 0 OR max_count IS NULL OR revived >= max_count;
  END LOOP;
  IF revived < looked_at THEN
    RAISE NOTICE 'TaskQueue: % dead letters stay: live tasks have their unique keys', looked_at - revived;
  END IF;
  IF is_noted THEN
    PERFORM _journal('redrive', 'dead_letters', json_strip_nulls(json_build_object('id', nullif(task_id, -1), 'type', nullif(task_type, '*'),
      'olderThanSeconds', extract(epoch FROM nullif(older_than, interval '0')), 'maxCount', max_count)), NULL, json_build_object('count', revived), noted, revived);
  END IF;
  RETURN revived;
END $$;

COMMENT ON FUNCTION redrive IS
  'Makes dead letters live again, with their ids, due at once and with a new count of attempts: all that are there now, or those that
  meet every condition given (none may be NULL); with a max_count the oldest. One whose unique key a live task has stays. Returns how
  many live again. redrive(), redrive(7), redrive(task_type => ''receipt.send'').';
