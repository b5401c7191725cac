-- Steps before and after a payment, and events for others.
--
-- Order of locks: a payment's own tasks (init, check, cancel, refund), then the payment, then its steps, then payment.saga and
-- payment.publish, then the outbox. So a transaction that completes a saga locks neither the payment nor its steps.

-- Written together with the payment: the steps it was accepted with, whatever is configured later.
create table payments.step (
  payment_id uuid not null references payments.payment (id),
  position integer not null,                        -- they are made in this order, and undone in the other
  name text not null,                               -- account, fraud, order, delivery
  -- PENDING, STARTED (committed before the service is called), then PASSED or REJECTED; PASSED may become UNDONE.
  state text not null default 'PENDING',
  reason text,                                      -- why it is REJECTED
  refund_id uuid references payments.refund (id), -- pays back what a rejected delivery leaves without a purpose
  changed_at timestamptz not null default now(),
  primary key (payment_id, position),
  unique (payment_id, name)
);

-- Events are written only once somebody wants them: else nobody would ever take them away.
create table payments.outbox_switch (
  is_on boolean primary key check (is_on)
);

-- Counts the payment's events, also those that are purged.
alter table payments.payment add column event_sequence integer not null default 0;

create table payments.outbox (
  id uuid primary key default gen_random_uuid(),    -- the same in every delivery
  -- Deferred: a payment's first event is written just before its own row.
  payment_id uuid not null references payments.payment (id) deferrable initially deferred,
  sequence integer not null,                        -- from 1, without gaps
  type text not null,                               -- CREATED, COMPLETED, FAILED, CANCELLED, REFUNDED
  at timestamptz not null default clock_timestamp(),
  data json not null,
  published_at timestamptz,                         -- once the receiver has acknowledged it
  unique (payment_id, sequence)
);
create index outbox_unpublished on payments.outbox (payment_id, sequence) where published_at is null;
create index outbox_waiting on payments.outbox (at) where published_at is null;
create index outbox_published on payments.outbox (published_at) where published_at is not null;

-- Adds an event and wakes the one task that publishes this payment's events. The caller holds the payment's lock.
create function payments.announce(payment payments.payment, event_type text, refund payments.refund) returns void
language plpgsql as $$
begin
  perform taskqueue.enqueue(
    'payment.publish', json_build_object('paymentId', payment.id), queue => 'outbox',
    unique_key => 'payment.publish:' || payment.id, unique_mode => 'coalesce');
  insert into payments.outbox (payment_id, sequence, type, data) values (
    payment.id, payment.event_sequence, event_type,
    json_strip_nulls(json_build_object(
      'paymentId', payment.id, 'userId', payment.user_id, 'orderId', payment.order_id, 'amount', payment.amount,
      'currency', payment.currency, 'status', payment.status, 'failure', payment.failure,
      'refundId', refund.id, 'refundAmount', refund.amount)));
end $$;

-- Has the saga of a payment go on. Does nothing for a payment without steps.
create function payments.wake_saga(payment uuid) returns void
language plpgsql as $$
begin
  if exists (select from payments.step s where s.payment_id = payment) then
    perform taskqueue.enqueue(
      'payment.saga', json_build_object('paymentId', payment),
      unique_key => 'payment.saga:' || payment, unique_mode => 'coalesce');
  end if;
end $$;

-- Triggers, so that no code that changes a status can forget what follows from it.
create function payments.payment_changed() returns trigger
language plpgsql as $$
begin
  if exists (select from payments.outbox_switch) then
    new.event_sequence := new.event_sequence + 1;
    perform payments.announce(
      new,
      case when tg_op = 'INSERT' then 'CREATED' when new.status = 'DONE' then 'COMPLETED' else new.status end,
      null);
  end if;
  if tg_op = 'UPDATE' then
    perform payments.wake_saga(new.id);
  end if;
  return new;
end $$;

create trigger payment_created before insert on payments.payment
  for each row execute function payments.payment_changed();
create trigger payment_final before update of status on payments.payment
  for each row when (old.status is distinct from new.status and new.status in ('DONE', 'CANCELLED', 'FAILED'))
  execute function payments.payment_changed();

create function payments.refund_changed() returns trigger
language plpgsql as $$
declare
  paid payments.payment;
begin
  if new.status = 'DONE' and exists (select from payments.outbox_switch) then
    update payments.payment set event_sequence = event_sequence + 1 where id = new.payment_id returning * into paid;
    perform payments.announce(paid, 'REFUNDED', new);
  end if;
  perform payments.wake_saga(new.payment_id);
  return new;
end $$;

create trigger refund_final after update of status on payments.refund
  for each row when (old.status is distinct from new.status and new.status in ('DONE', 'FAILED'))
  execute function payments.refund_changed();

insert into payments.migration (version) values (4);
