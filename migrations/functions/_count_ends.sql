-- Counts how the members of groups have ended, in the order in which they are counted, and does what follows: an event for the parent when one
-- has ended, with each further twentieth, and when all have; more members may run where only so many do at a time; the callback is due when all
-- have ended. One session at a time counts a group; another one leaves it to a look a moment later. Returns the keys of the events.
CREATE OR REPLACE FUNCTION _count_ends(groups bigint[], look_until timestamptz) RETURNS text[]
LANGUAGE plpgsql
SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  -- Of one look; the next one goes on.
  most CONSTANT int := 5000;
  most_released CONSTANT int := 1000;
  at timestamptz := clock_timestamp();
  -- Who waits for their turn are due in 100 years (_make_group).
  far timestamptz := at + interval '50 years';
  g record;
  counted bigint[] := '{}';
  uncounted tid[];
  more_completed int;
  more_failed int;
  ended_before int;
  ended int;
  ended_ahead int;
  share int;
  more int;
  held_back int;
  marks text[];
  keys text[] := '{}';
BEGIN
  FOR g IN SELECT x.* FROM task_group x WHERE x.id = ANY (groups) ORDER BY x.id FOR NO KEY UPDATE SKIP LOCKED LOOP
    counted := counted || g.id;
    ended_before := g.completed + g.failed;
    -- By their places, for the plan's sake; no one else changes them.
    SELECT array_agg(w.ctid ORDER BY w.ended_at, w.member), count(*) FILTER (WHERE w.outcome = 'completed'),
      count(*) FILTER (WHERE w.outcome <> 'completed')
    INTO uncounted, more_completed, more_failed
    FROM (SELECT e.ctid, e.ended_at, e.member, e.outcome FROM group_end e WHERE e.group_id = g.id AND e.place IS NULL LIMIT most) AS w;
    UPDATE group_end e SET place = ended_before + u.n FROM unnest(uncounted) WITH ORDINALITY AS u(ctid, n) WHERE e.ctid = u.ctid;
    ended := ended_before + more_completed + more_failed;
    IF more_completed + more_failed >= most THEN
      INSERT INTO event_look (event_key, look_at) VALUES ('~group/' || g.id, at);
    END IF;
    -- Those that ended before their turn, cancelled or deleted, make no room.
    SELECT count(*) INTO ended_ahead FROM group_end e WHERE e.group_id = g.id AND e.member > g.released AND e.place IS NOT NULL;
    more := coalesce(g.at_most, g.total) - (g.released - (ended - ended_ahead));
    IF more > most_released THEN
      more := most_released;
      INSERT INTO event_look (event_key, look_at) VALUES ('~group/' || g.id, at);
    END IF;
    SELECT coalesce(max(w.member) - g.released, 0) INTO more
    FROM (SELECT t.member FROM task t WHERE t.group_id = g.id AND t.member > g.released ORDER BY t.member LIMIT greatest(more, 0)) AS w;
    IF more > 0 THEN
      UPDATE task SET due_at = look_until WHERE ctid = ANY (ARRAY(
        SELECT t.ctid FROM task t
        WHERE t.group_id = g.id AND t.member > g.released AND t.member <= g.released + more
          AND NOT t.ready AND t.lease_token IS NULL AND t.due_at > far
        FOR UPDATE SKIP LOCKED));
      -- One that another session has locked has its turn a moment later, with those behind it.
      SELECT min(t.member) INTO held_back FROM task t
      WHERE t.group_id = g.id AND t.member > g.released AND t.member <= g.released + more
        AND NOT t.ready AND t.lease_token IS NULL AND t.due_at > far;
      IF held_back IS NOT NULL THEN
        more := held_back - g.released - 1;
        INSERT INTO event_look (event_key, look_at) VALUES ('~group/' || g.id, at + interval '50 ms');
      END IF;
    END IF;
    IF ended > ended_before OR more > 0 THEN
      UPDATE task_group x SET completed = x.completed + more_completed, failed = x.failed + more_failed, released = x.released + more,
        finished_at = CASE WHEN ended >= g.total THEN at END,
        expires_at = CASE WHEN ended < g.total OR g.parent_id IS NOT NULL THEN x.expires_at ELSE at + interval '7 days' END
      WHERE x.id = g.id;
    END IF;
    IF ended >= g.total AND g.callback_id IS NOT NULL THEN
      UPDATE task SET due_at = look_until WHERE ctid = ANY (ARRAY(
        SELECT t.ctid FROM task t WHERE t.id = g.callback_id AND NOT t.ready AND t.lease_token IS NULL AND t.due_at > far
        FOR UPDATE SKIP LOCKED));
      IF NOT FOUND AND EXISTS (
        SELECT FROM task t WHERE t.id = g.callback_id AND NOT t.ready AND t.lease_token IS NULL AND t.due_at > far)
      THEN
        INSERT INTO event_look (event_key, look_at) VALUES ('~group/' || g.id, at + interval '50 ms');
      END IF;
    END IF;
    IF ended > ended_before AND g.parent_id IS NOT NULL THEN
      share := greatest(1, (g.total + 19) / 20);
      SELECT array_agg('~ended/' || g.id || '/' || m.mark) INTO marks
      FROM (SELECT 1 UNION SELECT n * share FROM generate_series(ended_before / share, ended / share) AS n UNION SELECT g.total) AS m(mark)
      WHERE m.mark > ended_before AND m.mark <= ended;
      IF marks IS NOT NULL THEN
        INSERT INTO event (key, payload, expires_at) SELECT k, 'true', at + interval '1 day' FROM unnest(marks) AS k ORDER BY k ON CONFLICT DO NOTHING;
        keys := keys || marks;
      END IF;
    END IF;
  END LOOP;
  IF cardinality(counted) < cardinality(groups) THEN
    INSERT INTO event_look (event_key, look_at)
    SELECT '~group/' || x.id, at + interval '50 ms' FROM task_group x WHERE x.id = ANY (groups) AND x.id <> ALL (counted);
    -- Ends that came after their group was gone.
    DELETE FROM group_end e WHERE e.group_id = ANY (groups) AND NOT EXISTS (SELECT FROM task_group x WHERE x.id = e.group_id);
  END IF;
  RETURN keys;
END $$;
