-- Adds schedules, or changes those of these names, in the order of the names. By code: what programs declare; a schedule that people have
-- changed stays as they want it. A changed rule, time zone or jitter is planned anew, from now on; with another payload or option the plan
-- stays. What is there already costs no write. Returns how many were added or changed.
CREATE OR REPLACE FUNCTION _put_schedules(names text[], definitions json[], payloads json[], by_code boolean) RETURNS int
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
#variable_conflict use_column
DECLARE
  changed_count int;
  unknown_limit text := (
    SELECT split_part(d ->> 'limit', '/', 1) FROM unnest(definitions) AS d
    WHERE NOT EXISTS (SELECT FROM limit_rule r WHERE r.name = split_part(d ->> 'limit', '/', 1)) AND d ->> 'limit' IS NOT NULL LIMIT 1);
BEGIN
  IF unknown_limit IS NOT NULL THEN
    RAISE EXCEPTION 'TaskQueue: there is no limit %', quote_literal(unknown_limit) USING ERRCODE = 'TQ002',
      HINT = 'Declare it first: in the limits of a worker''s configuration, by the client''s limits, or by declare_limit.';
  END IF;
  -- A revision that no removed schedule of the name had: a worker may have planned that one, and not come back yet.
  INSERT INTO schedule AS s (name, revision, definition, payload, code_definition, code_payload)
  SELECT u.name, 1 + (random() * 1e9)::int, u.definition, u.payload, CASE WHEN by_code THEN u.definition END, CASE WHEN by_code THEN u.payload END
  FROM unnest(names, definitions, payloads) AS u(name, definition, payload) ORDER BY u.name COLLATE "C"
  ON CONFLICT (name) DO UPDATE SET
    code_definition = CASE WHEN by_code THEN excluded.definition ELSE s.code_definition END,
    code_payload = CASE WHEN by_code THEN excluded.payload ELSE s.code_payload END,
    changed = CASE WHEN by_code THEN s.changed ELSE s.code_definition IS NOT NULL END,
    definition = CASE WHEN by_code AND s.changed THEN s.definition ELSE excluded.definition END,
    payload = CASE WHEN by_code AND s.changed THEN s.payload ELSE excluded.payload END,
    revision = CASE WHEN by_code AND s.changed THEN s.revision ELSE s.revision + 1 END,
    problem = CASE WHEN by_code AND s.changed THEN s.problem END,
    slot = CASE WHEN by_code AND s.changed OR _same_schedule_plan(s.definition, excluded.definition) THEN s.slot END,
    next_at = CASE WHEN by_code AND s.changed OR _same_schedule_plan(s.definition, excluded.definition) THEN s.next_at ELSE '-infinity' END
  WHERE CASE WHEN by_code
    THEN NOT (_same_json(s.code_definition, excluded.definition) AND _same_json(s.code_payload, excluded.payload))
      OR NOT s.changed AND NOT (_same_json(s.definition, excluded.definition) AND _same_json(s.payload, excluded.payload))
    ELSE NOT (_same_json(s.definition, excluded.definition) AND _same_json(s.payload, excluded.payload))
  END;
  GET DIAGNOSTICS changed_count = ROW_COUNT;
  IF changed_count > 0 THEN
    PERFORM _wake_schedules();
  END IF;
  RETURN changed_count;
END $$;
