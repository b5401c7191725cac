-- One outbox: applied with its schema in front of the search path. "taskqueue." stands for the schema of the queue's own tables, and is
-- replaced if they are in another one.
--
-- Order of locks: the aggregate's counter, then its publishing task, then events. Who publishes locks the task, then events. So none of
-- them waits in a circle; a transaction that appends for several aggregates does so in one order everywhere.

CREATE TABLE outbox_migration (
  version int PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE outbox_setting (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  mode text NOT NULL DEFAULT 'off' CHECK (mode IN ('off', 'publisher', 'log'))
);
COMMENT ON TABLE outbox_setting IS
  'Outbox: off: no events are written. publisher: tasks deliver them. log: a reader of the write-ahead log does, such as Debezium.';
INSERT INTO outbox_setting DEFAULT VALUES;

-- A row per aggregate and for good: numbers are not used again when events are purged. Whoever appends holds the row until its transaction
-- ends, so numbers have no gaps, and a higher one is never committed before a lower one.
CREATE TABLE outbox_aggregate (
  aggregatetype text COLLATE "C" NOT NULL,
  aggregateid text COLLATE "C" NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (aggregatetype, aggregateid)
) WITH (fillfactor = 90);
COMMENT ON TABLE outbox_aggregate IS 'Outbox: the number of each aggregate''s last event.';

-- The first five columns have the names that Debezium's outbox event router reads by default.
CREATE TABLE outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  aggregatetype text COLLATE "C" NOT NULL,
  aggregateid text COLLATE "C" NOT NULL,
  type text NOT NULL,
  payload json NOT NULL,
  sequence bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  published_at timestamptz,
  skip_reason text,
  UNIQUE (aggregatetype, aggregateid, sequence)
);
CREATE INDEX outbox_unpublished ON outbox (aggregatetype, aggregateid, sequence) WHERE published_at IS NULL;
CREATE INDEX outbox_oldest ON outbox (at) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
COMMENT ON TABLE outbox IS 'Outbox: events, written by outbox_append. published_at: NULL while the event waits for its delivery.';

CREATE VIEW outbox_waiting AS
  SELECT DISTINCT ON (o.aggregatetype, o.aggregateid) o.aggregatetype, o.aggregateid,
    count(*) OVER (PARTITION BY o.aggregatetype, o.aggregateid) AS events, o.at AS since, o.id AS first_id, o.type AS first_type,
    o.sequence AS first_sequence
  FROM outbox o WHERE o.published_at IS NULL
  ORDER BY o.aggregatetype, o.aggregateid, o.sequence;
COMMENT ON VIEW outbox_waiting IS 'Outbox: the aggregates with events that wait, and the first event of each, which the others wait for.';

--   SELECT app.outbox_append('order', '7', 'OrderPaid', json_build_object('amount', 1250));
CREATE FUNCTION outbox_append(aggregatetype text, aggregateid text, type text, payload json) RETURNS uuid
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  problem text := CASE
    WHEN aggregatetype IS NULL OR octet_length(aggregatetype) NOT BETWEEN 1 AND 64 OR aggregatetype ~ E'[:\\x01-\\x1f\\x7f]'
      THEN 'an aggregate''s type must have 1 to 64 bytes, no colon and no control characters'
    WHEN aggregateid IS NULL OR octet_length(aggregateid) NOT BETWEEN 1 AND 112 OR aggregateid ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'an aggregate''s id must have 1 to 112 bytes and no control characters'
    WHEN type IS NULL OR octet_length(type) NOT BETWEEN 1 AND 128 OR type ~ E'[\\x01-\\x1f\\x7f]'
      THEN 'an event''s type must have 1 to 128 bytes and no control characters'
    WHEN payload IS NULL THEN 'the payload must not be NULL; for none use ''{}'''
    WHEN octet_length(payload::text) > 262144 THEN 'the payload must be at most 262144 bytes; store a reference instead'
  END;
  mode text := (SELECT s.mode FROM outbox_setting s);
  place bigint;
  event_id uuid;
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'Outbox: %', problem USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF coalesce(mode, 'off') = 'off' THEN
    RETURN NULL;
  END IF;
  INSERT INTO outbox_aggregate AS a (aggregatetype, aggregateid, sequence)
  VALUES (outbox_append.aggregatetype, outbox_append.aggregateid, 1)
  ON CONFLICT ON CONSTRAINT outbox_aggregate_pkey DO UPDATE SET sequence = a.sequence + 1
  RETURNING a.sequence INTO place;
  IF mode = 'publisher' THEN
    PERFORM outbox_wake(outbox_append.aggregatetype, outbox_append.aggregateid);
  END IF;
  -- What the log's reader finds is published by being committed.
  INSERT INTO outbox (aggregatetype, aggregateid, type, payload, sequence, published_at)
  VALUES (outbox_append.aggregatetype, outbox_append.aggregateid, outbox_append.type, outbox_append.payload, place,
    CASE WHEN mode = 'log' THEN clock_timestamp() END)
  RETURNING id INTO event_id;
  RETURN event_id;
END $$;
COMMENT ON FUNCTION outbox_append IS
  'Writes an event in the caller''s transaction and wakes the task that publishes its aggregate''s events. Returns the event''s id, the
  same in every delivery; NULL while the outbox is off. Events of one aggregate are numbered from 1 without gaps and delivered in this
  order; transactions that append for the same aggregate wait for each other.';

-- The one task that publishes an aggregate's events: made, pulled forward, or run once more after the attempt that runs now. Its unique key
-- has at most 256 bytes, and no two aggregates share one, because types have no colon.
CREATE FUNCTION outbox_wake(aggregatetype text, aggregateid text, delay interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  task_type text := 'outbox.' || current_schema();
BEGIN
  PERFORM taskqueue.enqueue(
    task_type, json_build_object('aggregateType', aggregatetype, 'aggregateID', aggregateid), queue => 'outbox', delay => delay,
    unique_key => task_type || ':' || aggregatetype || ':' || aggregateid, unique_mode => 'coalesce');
END $$;
COMMENT ON FUNCTION outbox_wake IS
  'Has an aggregate''s waiting events published now, or after the delay at the latest, instead of after the wait for the next attempt.';

CREATE FUNCTION outbox_skip(event_id uuid, reason text) RETURNS boolean
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  skipped outbox;
BEGIN
  IF reason IS NULL OR octet_length(reason) NOT BETWEEN 1 AND 4096 THEN
    RAISE EXCEPTION 'Outbox: a reason must have 1 to 4096 bytes' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT * INTO skipped FROM outbox o WHERE o.id = event_id AND o.published_at IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  -- The task is locked first, as by who publishes.
  PERFORM outbox_wake(skipped.aggregatetype, skipped.aggregateid);
  UPDATE outbox o SET published_at = now(), skip_reason = reason WHERE o.id = event_id AND o.published_at IS NULL;
  RETURN FOUND;
END $$;
COMMENT ON FUNCTION outbox_skip IS
  'Gives an event up, so that its aggregate''s next ones are delivered; the reason stays in the row until it is purged. An attempt that
  runs may deliver it all the same. False: it does not wait.';

INSERT INTO outbox_migration (version) VALUES (1);
