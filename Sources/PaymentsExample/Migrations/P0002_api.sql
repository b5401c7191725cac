-- What the HTTP API, the history, refunds and the comparison of books need.

alter table payments.payment
  -- Who asked for it: orders are the caller's.
  add column caller text not null default '',
  -- Whether its order has no other; false: it was accepted by a process that allows several.
  add column is_only boolean not null default true,
  add column failure text,                          -- why it is FAILED
  -- Why a person has to look before anything more is done about it; null: nothing holds it up.
  add column stop_reason text,
  -- It ended without money moved, and money moved at the provider since: a person has to look, and its order gets no other payment.
  add column is_contradicted boolean not null default false,
  -- Committed before the provider is first told to execute. From then on only the provider can cancel.
  add column execution_requested_at timestamptz,
  -- How often it was told so, each time for want of an effect of the time before.
  add column execution_rounds integer not null default 0,
  -- Somebody wants it cancelled, and the provider hasn't answered yet.
  add column cancellation_requested_at timestamptz;

create index payment_created on payments.payment (created_at, id);
create index payment_user on payments.payment (user_id, created_at, id);
create index payment_order on payments.payment (order_id, created_at, id) where order_id is not null;
-- One payment per order: the next one only once this one has ended without moving money.
create unique index payment_order_only on payments.payment (caller, order_id)
  where is_only and status not in ('CANCELLED', 'FAILED');
create index payment_status on payments.payment (status, created_at, id) where status <> 'DONE';
create index payment_stopped on payments.payment (created_at, id) where stop_reason is not null;
-- The backlog is counted here; see BacklogGate.
create index payment_open on payments.payment (id) where status not in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED');

-- Everything that happened to a payment, written in the transaction in which it happened. Never changed.
create table payments.payment_event (
  id bigint generated always as identity primary key,
  payment_id uuid not null references payments.payment (id),
  kind text not null,
  status text not null,                             -- the payment's status from then on
  detail text,
  at timestamptz not null default clock_timestamp()
);
create index payment_event_payment on payments.payment_event (payment_id, id);

insert into payments.payment_event (payment_id, kind, status, at)
  select id, 'created', 'CREATED', created_at from payments.payment order by id;
insert into payments.payment_event (payment_id, kind, status, at)
  select id, 'status', status, updated_at from payments.payment where status <> 'CREATED' order by id;
-- Before this migration nobody noted whether execute was sent.
update payments.payment set execution_requested_at = updated_at, execution_rounds = 1 where provider_id is not null;

-- Money on its way back. Written before the provider is asked for it.
create table payments.refund (
  id uuid primary key default payments.new_id(),    -- also what the provider knows it by
  payment_id uuid not null references payments.payment (id),
  amount payments.amount not null,                  -- of the payment's currency
  reason text not null,
  status text not null default 'CREATED',           -- then what the provider says, at last DONE or FAILED
  failure text,                                     -- why it is FAILED
  stop_reason text,                                 -- as a payment's
  provider_id text,
  attempts integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Two providers may give the same id.
  unique (provider_id, payment_id)
);
create index refund_payment on payments.refund (payment_id, id);
create index refund_stopped on payments.refund (payment_id) where stop_reason is not null;

-- Callbacks that came before we stored the provider's id.
create table payments.unmatched_callback (
  provider_id text not null,
  event_id text not null,
  status text not null,
  received_at timestamptz not null default now(),
  primary key (provider_id, event_id)
);
create index unmatched_callback_age on payments.unmatched_callback (received_at);

-- The reports of the periodic comparison with the provider's books.
create table payments.reconciliation (
  id bigint generated always as identity primary key,
  provider text not null,                           -- whose books
  since timestamptz not null,
  until timestamptz not null,
  is_clean boolean not null,
  report json not null,
  finished_at timestamptz not null default now()
);

insert into payments.migration (version) values (2);
