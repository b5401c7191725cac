-- Why a payment or a refund doesn't come on.

-- Of the last attempt that came to nothing, in words for people; null: none did since it last came on.
alter table payments.payment add column last_error text, add column last_error_at timestamptz;
alter table payments.refund add column last_error text, add column last_error_at timestamptz;
create index payment_failing on payments.payment (created_at, id) where last_error is not null;
create index refund_failing on payments.refund (payment_id) where last_error is not null;

create function payments.forget_error() returns trigger
language plpgsql as $$
begin
  new.last_error := null;
  new.last_error_at := null;
  return new;
end $$;

-- So no code that has one come on can forget it.
create trigger payment_came_on before update on payments.payment
  for each row when (old.last_error is not null
    and (old.status, old.provider_id, old.execution_requested_at, old.stop_reason)
      is distinct from (new.status, new.provider_id, new.execution_requested_at, new.stop_reason))
  execute function payments.forget_error();
create trigger refund_came_on before update on payments.refund
  for each row when (old.last_error is not null
    and (old.status, old.provider_id, old.stop_reason) is distinct from (new.status, new.provider_id, new.stop_reason))
  execute function payments.forget_error();

-- The task that is to have a payment or refund with this id come on next; else one of it that is a dead letter, with the reason. Two
-- looks into indexes. A function, so that the queue's views can be changed without this.
create function payments.next_task(
  id uuid, out task_id bigint, out task_type text, out state text, out next_attempt_at timestamptz, out reason text)
returns setof record
language plpgsql stable as $$
declare
  types constant text[] := array['payment.init', 'payment.check', 'payment.cancel', 'payment.refund', 'payment.saga'];
  keys constant text[] := (select array_agg(t || ':' || next_task.id) from unnest(types) as t);
begin
  return query
    select t.id, t.type, t.state, t.due_at, null::text from taskqueue.live_task t
    -- A saga that waits for the payment's end is no attempt at it.
    where t.queue = 'default' and t.unique_key = any (keys) and t.state <> 'finished' and t.due_at < now() + interval '1 year' order by t.due_at, t.id limit 1;
  if not found then
    return query
      select d.id, d.type, 'dead', null::timestamptz, coalesce(d.detail, d.reason) from taskqueue.dead_letter d
      where d.type = any (types) and d.unique_key = any (keys) order by d.died_at desc limit 1;
  end if;
end $$;

create view payments.stuck as
  select o.payment_id, o.refund_id, o.status, o.provider, o.provider_id, o.since, now() - o.since as for_so_long,
    coalesce(
      'stopped for a person: ' || o.stop_reason, o.last_error,
      case
        when n.state = 'dead' then 'its task is a dead letter: ' || n.reason
        when n.state is null then 'it has no task'
        when o.status = 'CREATED' then 'the provider has not been asked yet'
        else 'the provider says ' || o.status
      end) as why,
    o.last_error_at, o.attempts, n.next_attempt_at, n.task_id, n.task_type, n.state as task_state
  from (
    select id as payment_id, null::uuid as refund_id, id, status, provider::text, provider_id, stop_reason, last_error, last_error_at, attempts,
      updated_at as since
    from payments.payment where status not in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')
    union all
    select id, null, id, status, provider::text, provider_id, stop_reason, last_error, last_error_at, attempts, updated_at
    from payments.payment where stop_reason is not null and is_contradicted
    union all
    select r.payment_id, r.id, r.id, r.status, p.provider::text, r.provider_id, r.stop_reason, r.last_error, r.last_error_at, r.attempts,
      r.updated_at
    from payments.refund r join payments.payment p on p.id = r.payment_id where r.status not in ('DONE', 'FAILED', 'OPEN', 'WON', 'LOST')
  ) as o
  left join lateral payments.next_task(o.id) as n on true
  where o.stop_reason is not null or o.last_error is not null or o.since < now() - interval '15 minutes';
comment on view payments.stuck is
  'Payments and refunds that are not final and either stopped, failing, or without progress for 15 minutes: why, since when, and what comes next.';

insert into payments.migration (version) values (8);
