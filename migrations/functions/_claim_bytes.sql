-- What a claimed flow brings besides its payload: the values of its steps.
CREATE OR REPLACE FUNCTION _claim_bytes(flow bigint) RETURNS bigint
LANGUAGE sql STABLE
SET search_path FROM CURRENT
AS $$ SELECT coalesce(sum(octet_length(s.value::text)), 0) FROM step s WHERE s.task_id = flow $$;
