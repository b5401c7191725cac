-- The first answer to each key, committed together with what it answers. search_path names the app's schema.

create table idempotency_key (
  caller text not null,                             -- who asked, as the app has authenticated it
  operation text not null,                          -- what was asked for, and of what
  key text not null,
  fingerprint bytea not null,                       -- SHA-256 of the request
  status integer,                                   -- null only inside the transaction that writes the row
  fields jsonb,                                     -- of the answer's header
  body bytea,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  primary key (caller, operation, key)
);
create index idempotency_key_expiry on idempotency_key (expires_at);
comment on table idempotency_key is 'First answers to requests with an Idempotency-Key. Written by TaskQueueHTTP.';
