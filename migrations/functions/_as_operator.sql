-- Does by _operate what the caller may not do itself.
CREATE OR REPLACE FUNCTION _as_operator(operation text, VARIADIC arguments text[]) RETURNS SETOF text
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
BEGIN
  IF NOT has_function_privilege('_operate(text, text[])'::regprocedure, 'EXECUTE') THEN
    RAISE EXCEPTION 'TaskQueue: the role % may not use %', quote_ident(current_user), operation USING ERRCODE = 'insufficient_privilege',
      HINT = format('The owner of the tables can allow it: SELECT %I.grant_operator(%L)', current_schema(), current_user);
  END IF;
  RETURN QUERY SELECT * FROM _operate(operation, VARIADIC arguments);
END $$;
