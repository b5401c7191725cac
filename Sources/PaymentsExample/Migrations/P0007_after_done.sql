-- What happens to a payment after it is DONE: the provider returns it (its status becomes RETURNED), somebody at the provider refunds
-- it, or somebody disputes it. A dispute is money on its way back as a refund is, held until it is WON (nothing moved) or LOST (it did).

alter table payments.refund
  -- caller: we asked for it. provider: somebody there did. dispute: its statuses are OPEN, WON and LOST.
  add column origin text not null default 'caller' check (origin in ('caller', 'provider', 'dispute'));
-- A dispute may have the id of a refund.
alter table payments.refund drop constraint refund_provider_id_payment_id_key;
create unique index refund_provider_id on payments.refund (payment_id, provider_id, (origin = 'dispute'));
create index refund_open on payments.refund (payment_id) where status not in ('DONE', 'FAILED', 'WON', 'LOST');

-- The event that a status of a refund or a dispute is; null: none.
create function payments.refund_event(status text) returns text
language sql immutable as $$
  select case status when 'DONE' then 'REFUNDED' when 'FAILED' then 'REFUND_FAILED'
    when 'OPEN' then 'DISPUTED' when 'WON' then 'DISPUTE_WON' when 'LOST' then 'DISPUTE_LOST' end
$$;

create function payments.refund_changed() returns trigger
language plpgsql as $$
declare
  paid payments.payment;
begin
  select * into paid from payments.payment where id = new.payment_id for no key update;
  perform payments.announce(paid, payments.refund_event(new.status), new);
  -- SagaHandler waits for it.
  if paid.steps is not null and new.status in ('DONE', 'FAILED') then
    perform taskqueue.emit('refund-final/' || new.id, to_json(new.status));
  end if;
  return new;
end $$;

create trigger refund_final after update of status on payments.refund
  for each row when (old.status is distinct from new.status and payments.refund_event(new.status) is not null)
  execute function payments.refund_changed();
create trigger refund_found after insert on payments.refund
  for each row when (payments.refund_event(new.status) is not null)
  execute function payments.refund_changed();

insert into payments.migration (version) values (7);
