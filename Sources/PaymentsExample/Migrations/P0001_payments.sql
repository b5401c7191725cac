-- The app's own tables. They know nothing of the queue, and the queue knows nothing of them.
create schema payments;

create table payments.payment (
  id bigint generated always as identity primary key,
  user_id text not null,
  order_id text,
  amount bigint not null check (amount > 0),                  -- minor units
  currency text not null check (currency ~ '^[A-Z]{3}$'),     -- ISO 4217
  description text not null,
  -- CREATED, then what the provider says: INIT, PROCESSING, and at last DONE or CANCELLED.
  status text not null default 'CREATED',
  -- The one payment at the provider that may ever be executed for this one. Written once, by init.
  provider_id text unique,
  -- How often a handler began to work on it.
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on column payments.payment.provider_id is
  'Set only while null; execute is only ever sent for this id, so at most one payment is executed.';

-- What has been applied, for the starter that comes next.
create table payments.migration (
  version integer primary key,
  applied_at timestamptz not null default now()
);

insert into payments.migration (version) values (1);
