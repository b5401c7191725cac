-- Derives a key: SHA-256, cut to 122 bits, as a UUID of version 8 (RFC 9562), over a tag, the namespace, and what is called: the task's
-- id and the instant of its creation (8 bytes each, big endian; the latter in microseconds since 2000) and the effect's name; or, for
-- an action that several tasks may be made for, the length of its scope (4 bytes), the scope and the name. The instant tells a task
-- from another one that gets the same id: after commits were lost, a restore, or in a copy of the database.
CREATE OR REPLACE FUNCTION _effect_key(
  namespace uuid, task bigint, created_at timestamptz, effect_name text, action_scope text DEFAULT NULL
) RETURNS uuid
-- Not in SQL: that would be planned anew with each call.
LANGUAGE plpgsql STABLE
AS $$
DECLARE
  hash bytea := substr(sha256(CASE WHEN action_scope IS NULL
    THEN convert_to('taskqueue.effect.2:', 'UTF8') || uuid_send(namespace) || int8send(task) || timestamptz_send(created_at)
    ELSE convert_to('taskqueue.scope.1:', 'UTF8') || uuid_send(namespace)
      || int4send(octet_length(convert_to(action_scope, 'UTF8'))) || convert_to(action_scope, 'UTF8')
    END || convert_to(effect_name, 'UTF8')), 1, 16);
BEGIN
  RETURN encode(set_byte(set_byte(hash, 6, get_byte(hash, 6) & 15 | 128), 8, get_byte(hash, 8) & 63 | 128), 'hex')::uuid;
END $$;
