-- Derives a key: SHA-256 over a tag, the namespace, the task's id (8 bytes, big endian) and the name, cut to 122 bits, as a UUID
-- of version 8 (RFC 9562).
CREATE OR REPLACE FUNCTION _effect_key(namespace uuid, task bigint, effect_name text) RETURNS uuid
LANGUAGE sql STABLE
AS $$
  SELECT encode(set_byte(set_byte(d.hash, 6, get_byte(d.hash, 6) & 15 | 128), 8, get_byte(d.hash, 8) & 63 | 128), 'hex')::uuid
  FROM (SELECT substr(sha256(convert_to('taskqueue.effect.1:', 'UTF8') || uuid_send(namespace) || int8send(task)
    || convert_to(effect_name, 'UTF8')), 1, 16) AS hash) AS d
$$;
