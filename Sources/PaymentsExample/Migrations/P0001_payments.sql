-- The app's own tables. They know nothing of the queue, and the queue knows nothing of them.
create schema payments;

-- Tells this database's payments from those of every other one at a provider that both use. A copy that goes on beside its
-- original needs another one: update payments.namespace set id = gen_random_uuid().
create table payments.namespace (
  is_only boolean primary key default true check (is_only),
  id uuid not null default gen_random_uuid()
);
insert into payments.namespace default values;

-- A UUID of version 7 (RFC 9562, 5.7): 48 bits of milliseconds, and 74 random ones from the server's strong source. No other
-- database gives it, nor this one after a restore or a failover that lost commits.
create function payments.new_id() returns uuid
language sql volatile parallel safe as $$
  select encode(
    set_bit(
      set_bit(
        overlay(
          uuid_send(gen_random_uuid())
          placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
        -- Version 4 becomes 7; the variant's bits stay.
        52, 1),
      53, 1),
    'hex')::uuid
$$;

-- Rules of columns, as domains: a table's checks are parsed anew with every change of a row.
create domain payments.amount as bigint check (value > 0);                  -- minor units
create domain payments.currency as text check (value ~ '^[A-Z]{3}$');       -- ISO 4217
create domain payments.provider_name as text check (value ~ '^[a-z0-9][a-z0-9._-]{0,62}$');

create table payments.payment (
  id uuid primary key default payments.new_id(),              -- also what the provider knows it by
  user_id text not null,
  order_id text,
  amount payments.amount not null,
  currency payments.currency not null,
  description text not null,
  -- CREATED, then what the provider says: INIT, PROCESSING, and at last DONE or CANCELLED.
  status text not null default 'CREATED',
  -- By its name in the options of `serve`. A payment stays with the provider that it was accepted for.
  provider payments.provider_name not null default 'provider',
  -- The one payment at the provider that may ever be executed for this one. Written once, by init.
  provider_id text,
  -- How many attempts at it came to nothing.
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider_id, provider)
);

comment on column payments.payment.provider_id is
  'Set only while null; execute is only ever sent for this id, so at most one payment is executed.';

-- What has been applied, for the starter that comes next.
create table payments.migration (
  version integer primary key,
  applied_at timestamptz not null default now()
);

insert into payments.migration (version) values (1);
