-- Grants a role what every program needs, and the privileges given.
CREATE OR REPLACE FUNCTION _grant(role_name text, privileges text[]) RETURNS void
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
  privilege text;
BEGIN
  IF role_name IS NULL THEN
    RAISE EXCEPTION 'TaskQueue: a role must not be NULL' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- PostgreSQL only warns if nothing could be granted.
  IF NOT (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'task'::regclass) THEN
    RAISE EXCEPTION 'TaskQueue: only the owner of the schema''s tables may grant roles' USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role_name);
  IF NOT has_schema_privilege(role_name, current_schema(), 'USAGE') THEN
    RAISE EXCEPTION 'TaskQueue: the schema % has another owner than its tables', quote_ident(current_schema())
      USING ERRCODE = 'insufficient_privilege',
        HINT = format('Let its owner run GRANT USAGE ON SCHEMA %I TO %I first.', current_schema(), role_name);
  END IF;
  FOREACH privilege IN ARRAY privileges || ARRAY['SELECT ON migration, installed_function'] LOOP
    EXECUTE format('GRANT %s TO %I', privilege, role_name);
  END LOOP;
END $$;
