-- The ids are taken down first: what dies later is another call's.
CREATE OR REPLACE FUNCTION redrive(
  task_id bigint DEFAULT NULL, task_type text DEFAULT NULL, older_than interval DEFAULT NULL, max_count bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  page constant int := 1000;
  ids bigint[] := ARRAY(
    SELECT d.id FROM dead_task d
    WHERE (task_id IS NULL OR d.id = task_id) AND (task_type IS NULL OR d.type = task_type)
      AND (older_than IS NULL OR d.died_at <= now() - older_than)
    ORDER BY d.id LIMIT max_count);
  first int := 1;
  revived bigint := 0;
BEGIN
  WHILE first <= cardinality(ids) LOOP
    revived := revived + (SELECT count(*) FROM _redrive(ids[first:first + page - 1], NULL, NULL, page, true));
    first := first + page;
  END LOOP;
  IF revived < cardinality(ids) THEN
    RAISE NOTICE 'TaskQueue: % dead letters stay: live tasks have their unique keys, or another session holds them',
      cardinality(ids) - revived;
  END IF;
  RETURN revived;
END $$;

COMMENT ON FUNCTION redrive IS
  'Makes dead letters live again, with their ids, due at once and with a new count of attempts: all that are there now, or those that
  meet every condition given; with a max_count the oldest. One whose unique key a live task has stays. Returns how many live again.
  redrive(), redrive(7), redrive(task_type => ''receipt.send'').';
