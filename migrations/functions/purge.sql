-- One statement: it takes what is there when it begins. What is not given is neither NULL nor 0 nor empty: see redrive.
CREATE OR REPLACE FUNCTION purge(
  task_id bigint DEFAULT -1, task_type text DEFAULT '*', older_than interval DEFAULT '0', everything boolean DEFAULT false,
  max_count bigint DEFAULT NULL
) RETURNS bigint
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  deleted bigint;
  lines text[];
  is_noted boolean := current_setting('taskqueue.actor', true) <> '';
  noted bigint[];
BEGIN
  IF num_nulls(task_id, task_type, older_than) > 0 THEN
    RAISE EXCEPTION 'TaskQueue: a condition of purge is NULL'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave out the conditions that do not matter.';
  ELSIF max_count < 0 THEN
    RAISE EXCEPTION 'TaskQueue: max_count must not be below zero' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  task_id := nullif(task_id, -1);
  task_type := nullif(task_type, '*');
  older_than := nullif(older_than, interval '0');
  IF coalesce(everything, false) = (num_nonnulls(task_id, task_type, older_than) > 0) THEN
    RAISE EXCEPTION 'TaskQueue: purge needs either a condition or everything => true'
      USING ERRCODE = 'invalid_parameter_value',
        HINT = 'Such as purge(task_type => ''receipt.send'', older_than => ''30 days'').';
  END IF;
  IF older_than < interval '0' THEN
    RAISE EXCEPTION 'TaskQueue: older_than must not be below zero: everything would be that old'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF task_id IS NULL AND older_than IS NOT NULL THEN
    -- By the index of ages.
    WITH gone AS (
      DELETE FROM dead_task WHERE id = ANY (ARRAY(
        SELECT d.id FROM dead_task d
        WHERE (task_type IS NULL OR d.type = task_type) AND d.died_at <= now() - least(older_than, interval '1000 years')
        ORDER BY d.died_at LIMIT max_count FOR UPDATE SKIP LOCKED))
      RETURNING id, CASE WHEN holds THEN limit_key END AS line
    )
    SELECT count(*), array_agg(DISTINCT g.line::text) FILTER (WHERE g.line IS NOT NULL),
      (array_agg(g.id ORDER BY g.id) FILTER (WHERE is_noted))[1:1000]
    INTO deleted, lines, noted FROM gone g;
  ELSE
    WITH gone AS (DELETE FROM dead_task WHERE id = ANY (ARRAY(
      SELECT d.id FROM dead_task d
      WHERE (task_id IS NULL OR d.id = task_id) AND (task_type IS NULL OR d.type = task_type)
        AND (older_than IS NULL OR d.died_at <= now() - least(older_than, interval '1000 years'))
      ORDER BY d.id LIMIT max_count FOR UPDATE SKIP LOCKED))
      RETURNING id, CASE WHEN holds THEN limit_key END AS line)
    SELECT count(*), array_agg(DISTINCT g.line::text) FILTER (WHERE g.line IS NOT NULL),
      (array_agg(g.id ORDER BY g.id) FILTER (WHERE is_noted))[1:1000]
    INTO deleted, lines, noted FROM gone g;
  END IF;
  IF lines IS NOT NULL THEN
    INSERT INTO limit_look (limit_key, look_at) SELECT l, clock_timestamp() FROM unnest(lines) AS l;
  END IF;
  IF is_noted THEN
    PERFORM _journal('purge', 'dead_letters', json_strip_nulls(json_build_object('id', task_id, 'type', task_type, 'olderThanSeconds', extract(epoch FROM older_than),
      'everything', nullif(everything, false), 'maxCount', max_count)), NULL, json_build_object('count', deleted), noted, deleted);
  END IF;
  RETURN deleted;
END $$;

COMMENT ON FUNCTION purge IS
  'Deletes dead letters for good: those that meet every condition given, or with everything => true all that are there now; with a
  max_count the oldest. Returns how many.';
