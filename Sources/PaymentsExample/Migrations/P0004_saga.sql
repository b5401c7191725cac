-- Steps before and after a payment, and events for others.
--
-- Order of locks: a payment's tasks, then the payment, then the outbox's locks. An event for a flow (emit) locks no task.

-- Written together with the payment: the steps it was accepted with, in order, whatever is configured later; null: none.
alter table payments.payment add column steps text[];

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

-- Triggers, so that no code that changes a status can forget what follows from it.
create function payments.payment_changed() returns trigger
language plpgsql as $$
begin
  perform payments.announce(
    new,
    case when tg_op = 'INSERT' then 'CREATED' when new.status = 'DONE' then 'COMPLETED' else new.status end,
    null);
  -- SagaHandler waits for it.
  if tg_op = 'UPDATE' and new.steps is not null then
    perform taskqueue.emit('payment-final/' || new.id, to_json(new.status));
  end if;
  return new;
end $$;

create trigger payment_created before insert on payments.payment
  for each row execute function payments.payment_changed();
create trigger payment_final before update of status on payments.payment
  for each row when (old.status is distinct from new.status and new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED'))
  execute function payments.payment_changed();

insert into payments.migration (version) values (4);
