-- Steps before and after a payment, and events for others.
--
-- Order of locks: a payment's own tasks (init, check, cancel, refund), then the payment, then its steps, then payment.saga and the
-- outbox's locks. So a transaction that completes a saga locks neither the payment nor its steps.

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

-- Adds an event to the outbox (EventOutbox.payments), which has its own migrations. The caller holds the payment's lock.
create function payments.announce(payment payments.payment, event_type text, refund payments.refund) returns void
language plpgsql as $$
begin
  -- Nobody builds what nobody reads.
  if not exists (select from payments.outbox_setting s where s.mode <> 'off') then
    return;
  end if;
  perform payments.outbox_append('payment', payment.id::text, event_type,
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
  perform payments.announce(
    new,
    case when tg_op = 'INSERT' then 'CREATED' when new.status = 'DONE' then 'COMPLETED' else new.status end,
    null);
  if tg_op = 'UPDATE' then
    perform payments.wake_saga(new.id);
  end if;
  return new;
end $$;

create trigger payment_created before insert on payments.payment
  for each row execute function payments.payment_changed();
create trigger payment_final before update of status on payments.payment
  for each row when (old.status is distinct from new.status and new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED'))
  execute function payments.payment_changed();

create function payments.refund_changed() returns trigger
language plpgsql as $$
declare
  paid payments.payment;
begin
  if new.status = 'DONE' then
    select * into paid from payments.payment where id = new.payment_id for no key update;
    perform payments.announce(paid, 'REFUNDED', new);
  end if;
  perform payments.wake_saga(new.payment_id);
  return new;
end $$;

create trigger refund_final after update of status on payments.refund
  for each row when (old.status is distinct from new.status and new.status in ('DONE', 'FAILED'))
  execute function payments.refund_changed();

insert into payments.migration (version) values (4);
