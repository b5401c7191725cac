-- Who may call the API, whose a payment is, and who did what.

-- The keys of the API's callers. A key is 256 random bits, so its plain SHA-256 can't be reversed by guessing; slow hashes
-- are for passwords, which people choose.
create table payments.api_key (
  id text primary key check (id ~ '^[0-9a-f]{16}$'),           -- part of the key, and no secret
  hash bytea not null check (octet_length(hash) = 32),         -- of the secret part
  -- Several keys may be of one caller, so that keys can be changed. The others are words of the history.
  caller text not null check (
    caller ~ '^[a-z0-9][a-z0-9._-]{0,62}$' and caller not in ('provider', 'worker', 'inventory', 'operator')),
  scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ array['create', 'read', 'refund', 'operate']),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  -- Revoked keys stay: as long as there is any row, nobody is let in without a key.
  revoked_at timestamptz
);
comment on table payments.api_key is 'Keys of the API''s callers: `payments keys add`, `list` and `revoke`.';

-- Without a caller: made without a key, or for an inventory event.
create index payment_caller on payments.payment (caller, created_at, id) where caller <> '';

-- A caller's name, or provider (the provider said so), worker, inventory, or operator (this machine, without a key).
alter table payments.payment_event add column actor text not null default 'worker';

insert into payments.migration (version) values (6);
