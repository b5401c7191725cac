-- Upkeep of what completed tasks leave: makes the partitions of the three days to come, drops days of which nothing counts any more, and deletes
-- old minutes of the throughput. Never the partition of today, whose rows may be on their way to done_rest, which would refuse them then; nor is
-- yesterday's dropped. As the owner of the tables, since it creates and drops. Each change of a table waits 100 ms at
-- most for its lock, and is left to a later call then: nobody who completes a task waits for it for longer. Rows that came before their day's
-- partition are in done_rest, which is emptied as a whole; a day that it has rows of gets no partition. Returns how many minutes it deleted.
CREATE OR REPLACE FUNCTION _keep_history(max_count int) RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
SET lock_timeout = '100ms'
SET client_min_messages = warning
AS $$
DECLARE
  today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
  ahead CONSTANT int := 3;
  part text;
  part_day date;
  is_empty boolean;
  deleted bigint;
BEGIN
  -- Not for whoever may do no more than enqueue, and would hold the locks in a transaction left open.
  IF NOT has_table_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user), 'throughput_minute'::regclass, 'INSERT') THEN
    RAISE EXCEPTION 'TaskQueue: the upkeep of the history is for workers' USING ERRCODE = 'insufficient_privilege';
  END IF;
  -- One at a time: the others have nothing to do.
  IF NOT pg_try_advisory_xact_lock(hashtextextended(current_schema() || ':history', 0)) THEN
    RETURN 0;
  END IF;
  FOR part_day IN SELECT today + n FROM generate_series(1, ahead) AS n LOOP
    part := 'done_' || to_char(part_day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(quote_ident(part)) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE %I (LIKE done INCLUDING ALL)', part);
      -- Unlike PARTITION OF it lets those go on who write into other parts.
      EXECUTE format('ALTER TABLE done ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', part,
        to_char(part_day, 'YYYY-MM-DD') || ' 00:00:00+00', to_char(part_day + 1, 'YYYY-MM-DD') || ' 00:00:00+00');
    EXCEPTION WHEN lock_not_available OR check_violation OR duplicate_table OR insufficient_privilege THEN
      NULL;
    END;
  END LOOP;
  FOR part IN
    SELECT c.relname FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'done'::regclass AND (c.relname = 'done_rest' OR c.relname < 'done_' || to_char(today - 1, 'YYYYMMDD'))
    ORDER BY c.relname
  LOOP
    BEGIN
      -- First without a lock: most often something still counts.
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %1$I WHERE expires_at > clock_timestamp()) AND (%2$L <> ''done_rest'' OR EXISTS (SELECT FROM %1$I))',
        part, part) INTO is_empty;
      CONTINUE WHEN NOT is_empty;
      -- The parent first, as all who come by it do.
      IF part <> 'done_rest' THEN
        LOCK TABLE ONLY done IN ACCESS EXCLUSIVE MODE;
      END IF;
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
      -- What was committed before the lock was got is seen.
      EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I WHERE expires_at > clock_timestamp())', part) INTO is_empty;
      IF is_empty THEN
        EXECUTE format(CASE WHEN part = 'done_rest' THEN 'TRUNCATE %I' ELSE 'DROP TABLE %I' END, part);
      END IF;
    EXCEPTION WHEN lock_not_available OR undefined_table THEN
      NULL;
    END;
  END LOOP;
  DELETE FROM throughput_minute WHERE ctid = ANY (ARRAY(
    SELECT m.ctid FROM throughput_minute m WHERE m.minute < clock_timestamp() - interval '30 days'
    ORDER BY m.minute LIMIT max_count FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END $$;
