-- A double-entry ledger beside the payments; docs/payments.md has the table of its postings.
--
-- Triggers on payments and refunds write it, in the statement that changes a status: no code can forget it, and it costs no round
-- trip. It locks nothing but its own new rows: the row of an account is read only, so a hot account makes nobody wait.
--
-- Planner trap: plans are kept per session, and one that was made while a table was empty reads all of it ever after. So what runs
-- with each payment is planned without sequential scans.
--
-- There are no foreign keys: their checks need the right to update, which nobody has here. Triggers and ledger_check look instead.

-- As domains: see payments.amount.
create domain payments.transfer_phase as text check (value in ('pending', 'posted', 'voided', 'reversed', 'settled'));
create domain payments.entry_position as smallint check (value > 0);
-- Above 0 it goes into the account, below out of it. Both signs have the same range.
create domain payments.entry_amount as bigint check (value <> 0 and value > -9223372036854775808);
create domain payments.entry_count as bigint check (value > 0);

create table payments.account (
  id bigint generated always as identity primary key,
  code text not null,                               -- user:<user id>, held:<provider>, clearing:<provider>, payee
  kind text not null generated always as (split_part(code, ':', 1)) stored
    check (kind in ('user', 'held', 'clearing', 'payee')),
  currency payments.currency not null,
  created_at timestamptz not null default now(),
  unique (code, currency)
);

create table payments.transfer (
  id bigint generated always as identity primary key,
  payment_id uuid,                                  -- of the type of payments.payment.id; null: no payment of ours
  refund_id uuid,                                   -- null: about the payment itself
  phase payments.transfer_phase not null,
  -- The one before: the hold that is posted or voided, the posted one that is reversed. Unique: each ends once.
  follows bigint unique check ((phase in ('posted', 'voided', 'reversed')) = (follows is not null)),
  -- What the provider's books say: their entry (payment:<id> or refund:<id>), and how often that was found to be another.
  provider text,
  book text check ((phase = 'settled') = (book is not null)),
  revision integer check (num_nulls(provider, book, revision) in (0, 3)),
  is_opening boolean not null default false,        -- for what was there before the ledger
  at timestamptz not null default clock_timestamp(),
  check (phase = 'settled' or payment_id is not null)
);
-- One hold for each payment and each refund.
create unique index transfer_hold on payments.transfer (payment_id) where phase = 'pending' and refund_id is null;
create unique index transfer_refund_hold on payments.transfer (refund_id) where phase = 'pending' and refund_id is not null;
create unique index transfer_book on payments.transfer (provider, book, revision) where book is not null;
create index transfer_payment on payments.transfer (payment_id, id);
create index transfer_at on payments.transfer using brin (at);

create table payments.entry (
  transfer_id bigint not null,
  position payments.entry_position not null,
  account_id bigint not null,
  amount payments.entry_amount not null,            -- minor units of the account's currency
  primary key (transfer_id, position)
);

-- What an account holds is the sum of its rows here: each entry adds one, and now and then many are folded into one.
create table payments.balance (
  id bigint generated always as identity,
  account_id bigint not null,
  amount numeric(38) not null,                      -- wider than an entry: no sum of entries overflows
  entries payments.entry_count not null,            -- how many entries it stands for
  is_folded boolean not null
);
create index balance_account on payments.balance (account_id);
create index balance_unfolded on payments.balance (id) where not is_folded;

comment on table payments.account is 'Who has money, or owes it, in one currency. Insert only.';
comment on table payments.transfer is 'Why money moved: one step of a payment, of a refund, or of the provider''s books. Insert only.';
comment on table payments.entry is 'What a transfer does to an account; the amounts of a transfer add up to 0 in each currency. Insert only.';
comment on table payments.balance is 'Pieces of the accounts'' balances; read payments.account_balance.';

create view payments.account_balance as
  select a.code, a.kind, a.currency::text as currency, coalesce(sum(b.amount), 0) as amount, coalesce(sum(b.entries), 0)::bigint as entries,
    count(*) filter (where not b.is_folded) as unfolded
  from payments.account a left join payments.balance b on b.account_id = a.id
  group by a.id;
comment on view payments.account_balance is 'What each account holds, in minor units of its currency.';

-- Insert only, twice: the right is taken from everybody, the owner too, and who takes it back meets the triggers.
revoke update, delete, truncate on payments.account, payments.transfer, payments.entry from public, current_user;

create function payments.ledger_kept() returns trigger
language plpgsql as $$
begin
  raise exception 'payments.% is insert only: % refused', tg_table_name, lower(tg_op)
    using errcode = 'restrict_violation', hint = 'Write a transfer that takes back what is wrong.';
end $$;

create trigger account_kept before update or delete or truncate on payments.account
  for each statement execute function payments.ledger_kept();
create trigger transfer_kept before update or delete or truncate on payments.transfer
  for each statement execute function payments.ledger_kept();
create trigger entry_kept before update or delete or truncate on payments.entry
  for each statement execute function payments.ledger_kept();

-- Each statement that adds entries keeps the sums at 0, so that no later one can spoil a transfer that was right.
create function payments.ledger_balanced() returns trigger
language plpgsql set enable_seqscan = off as $$
declare
  wrong record;
begin
  with appended as (
    insert into payments.balance (account_id, amount, entries, is_folded)
      select e.account_id, e.amount, 1, false from added e
  )
  -- Looked up row by row: joins would be planned for as many rows as there are when the session adds its first entry.
  select l.transfer_id, l.currency, sum(l.amount) as rest into wrong
  from (
    select (select t.id from payments.transfer t where t.id = e.transfer_id) as known, e.transfer_id, e.amount,
      (select a.currency from payments.account a where a.id = e.account_id) as currency
    from added e
  ) l
  group by l.transfer_id, l.currency
  having sum(l.amount) <> 0 or bool_or(l.currency is null or l.known is null)
  limit 1;
  if found then
    raise exception 'transfer % does not add up: % % are left over', wrong.transfer_id, wrong.rest,
      coalesce(wrong.currency, 'of no account') using errcode = 'check_violation';
  end if;
  return null;
end $$;

create trigger entry_balanced after insert on payments.entry
  referencing new table as added for each statement execute function payments.ledger_balanced();

-- At the commit, and only for the transfers that were written: each has entries, and follows what it ends.
create function payments.ledger_complete() returns trigger
language plpgsql set enable_seqscan = off as $$
begin
  if not exists (select from payments.entry e where e.transfer_id = new.id) then
    raise exception 'transfer % has no entries', new.id using errcode = 'check_violation';
  end if;
  if new.follows is not null and not exists (
    select from payments.transfer t
    where t.id = new.follows and t.payment_id = new.payment_id and t.refund_id is not distinct from new.refund_id
      and t.phase = case new.phase when 'reversed' then 'posted' else 'pending' end
  ) then
    raise exception 'transfer % (%) does not follow transfer %', new.id, new.phase, new.follows
      using errcode = 'check_violation';
  end if;
  return null;
end $$;

create constraint trigger transfer_complete after insert on payments.transfer
  deferrable initially deferred for each row execute function payments.ledger_complete();

-- Writes a transfer with its entries and returns its id. The first entry's amount is the transfer's, up to its sign.
--
-- Who is the first to need an account makes it; others who need it at that moment wait for that commit, this one time. Accounts
-- are made in the order of their codes, for one payment in one transaction, so that nobody waits in a circle.
create function payments.ledger_write(
  of_payment payments.payment.id%type, of_refund payments.refund.id%type, new_phase text, ended bigint, opening boolean,
  in_currency text, codes text[], amounts bigint[],
  of_provider text default null, of_book text default null, of_revision integer default null
) returns bigint
language plpgsql as $$
declare
  accounts bigint[];
  account bigint;
  written bigint;
begin
  for i in 1 .. array_length(codes, 1) loop
    select a.id into account from payments.account a where a.code = codes[i] and a.currency = in_currency;
    while account is null loop
      insert into payments.account (code, currency)
        select c.code, in_currency from unnest(codes) as c (code) order by c.code
        on conflict do nothing;
      select a.id into account from payments.account a where a.code = codes[i] and a.currency = in_currency;
    end loop;
    accounts[i] := account;
  end loop;
  with head as (
    insert into payments.transfer (payment_id, refund_id, phase, follows, provider, book, revision, is_opening)
    values (of_payment, of_refund, new_phase, ended, of_provider, of_book, of_revision, opening)
    returning id
  ), body as (
    insert into payments.entry (transfer_id, position, account_id, amount)
      select head.id, l.position, l.account, l.amount
      from head, unnest(accounts, amounts) with ordinality as l (account, amount, position)
  )
  select head.id into written from head;
  return written;
end $$;

-- The provider that a payment is with, as accounts name it.
create function payments.ledger_provider(payment payments.payment) returns text
language sql immutable as $$ select payment.provider $$;

-- The account of whose money a payment is. A user's id may have a slash: without a caller one more stands before it, as no caller's name is
-- empty.
create function payments.ledger_user(payment payments.payment) returns text
language sql immutable as $$
  select 'user:' || case when payment.caller <> '' or strpos(payment.user_id, '/') > 0 then payment.caller || '/' else '' end || payment.user_id
$$;

-- What a final status of a payment, a refund or a dispute does to the hold; null: it is not final.
create function payments.ledger_end(status text) returns text
language sql immutable as $$
  select case when status in ('DONE', 'LOST') then 'posted' when status in ('CANCELLED', 'FAILED', 'WON') then 'voided'
    when status = 'RETURNED' then 'reversed' end
$$;

-- Writes what the ledger lacks for a payment, or for one of its refunds: nothing if it is complete. The caller holds the payment's or
-- the refund's lock, by having changed it. Assignments instead of queries: they need no executor.
create function payments.ledger_follow(payment payments.payment, refund payments.refund, opening boolean) returns void
language plpgsql set enable_seqscan = off as $$
declare
  goal text := coalesce(payments.ledger_end(case when refund.id is null then payment.status else refund.status end), 'pending');
  own_user text := payments.ledger_user(payment);
  held text := 'held:' || payments.ledger_provider(payment);
  clearing text := 'clearing:' || payments.ledger_provider(payment);
  -- The amount is that of the hold, whatever was done to the payment since.
  last record;
begin
  select t.id, t.phase, abs(e.amount) as amount, a.currency into last
  from payments.transfer t
    join payments.entry e on e.transfer_id = t.id and e.position = 1
    join payments.account a on a.id = e.account_id
  where t.payment_id = payment.id and t.refund_id is not distinct from refund.id and t.phase <> 'settled'
  order by t.id desc limit 1;
  if last.phase is null then
    if goal = 'voided' then
      return;
    end if;
    last.phase := 'pending';
    last.amount := coalesce(refund.amount, payment.amount);
    last.currency := payment.currency;
    last.id := payments.ledger_write(payment.id, refund.id, 'pending', null, opening, last.currency,
      array[case when refund.id is null then own_user else 'payee' end, held], array[-last.amount, last.amount]);
  end if;
  if goal in (last.phase, 'pending') or (goal = 'voided' and last.phase = 'reversed') then
    return;
  end if;
  if last.phase = 'pending' and goal = 'posted' and refund.id is null then
    last.id := payments.ledger_write(payment.id, null, 'posted', last.id, opening, last.currency,
      array[held, clearing], array[-last.amount, last.amount]);
  elsif last.phase = 'pending' and goal = 'posted' then
    last.id := payments.ledger_write(payment.id, refund.id, 'posted', last.id, opening, last.currency,
      array[held, 'payee', clearing, own_user], array[-last.amount, last.amount, -last.amount, last.amount]);
  elsif last.phase = 'pending' and goal = 'reversed' then
    -- It moved and came back before anybody here saw that it had moved.
    last.id := payments.ledger_write(payment.id, null, 'reversed',
      payments.ledger_write(payment.id, null, 'posted', last.id, opening, last.currency,
        array[held, clearing], array[-last.amount, last.amount]),
      opening, last.currency, array[clearing, own_user], array[-last.amount, last.amount]);
  elsif last.phase = 'pending' then
    last.id := payments.ledger_write(payment.id, refund.id, 'voided', last.id, opening, last.currency,
      array[held, case when refund.id is null then own_user else 'payee' end], array[-last.amount, last.amount]);
  elsif last.phase = 'posted' and refund.id is null then
    last.id := payments.ledger_write(payment.id, null, 'reversed', last.id, opening, last.currency,
      array[clearing, own_user], array[-last.amount, last.amount]);
  elsif last.phase = 'posted' then
    last.id := payments.ledger_write(payment.id, refund.id, 'reversed', last.id, opening, last.currency,
      array[clearing, own_user], array[last.amount, -last.amount]);
  else
    raise exception 'the hold of payment % has ended as % and cannot be posted', payment.id, last.phase
      using errcode = 'restrict_violation';
  end if;
end $$;

create function payments.ledger_payment() returns trigger
language plpgsql as $$
begin
  perform payments.ledger_follow(new, null, false);
  return null;
end $$;

-- The conditions of triggers are prepared anew with each statement, and a SQL function in them is parsed each time. So those of every
-- payment name the statuses for which payments.ledger_end is not null, but those of disputes.
create trigger payment_ledger_new after insert on payments.payment
  for each row when (
    new.execution_requested_at is not null or new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED'))
  execute function payments.ledger_payment();
create trigger payment_ledger after update of status, execution_requested_at on payments.payment
  for each row when (
    (old.execution_requested_at is null and new.execution_requested_at is not null)
    or (old.status is distinct from new.status and new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')))
  execute function payments.ledger_payment();

create function payments.ledger_refund() returns trigger
language plpgsql set enable_seqscan = off as $$
declare
  paid payments.payment;
begin
  if tg_op = 'INSERT' then
    -- Who gives back the same money at the same time waits here, if the payment's lock is not held anyway. What the provider did past
    -- us has happened, whatever it adds up to.
    select * into paid from payments.payment p where p.id = new.payment_id for no key update;
    if new.origin = 'caller' and paid.amount < (
      select sum(r.amount) from payments.refund r where r.payment_id = new.payment_id and r.status not in ('FAILED', 'WON')
    ) then
      raise exception 'the refunds of payment % are more than its amount', new.payment_id using errcode = 'check_violation';
    end if;
  else
    select * into paid from payments.payment p where p.id = new.payment_id;
  end if;
  perform payments.ledger_follow(paid, new, false);
  return null;
end $$;

create trigger refund_ledger_new after insert on payments.refund
  for each row execute function payments.ledger_refund();
create trigger refund_ledger after update of status on payments.refund
  for each row when (old.status is distinct from new.status and payments.ledger_end(new.status) is not null)
  execute function payments.ledger_refund();

-- Writes what the provider's books say by now about payments and refunds, as far as it differs from what they said before. What was of
-- nobody here and is a payment's or refund's by now is written as that one's.
-- confirmed: [{"book", "paymentId", "refundId", "currency", "amount"}], the amount below 0 for money that came back, 0 if none moved.
-- One caller at a time. Returns how many transfers were written.
create function payments.ledger_settle(of_provider text, confirmed json) returns integer
language plpgsql set enable_seqscan = off as $$
declare
  line record;
  of_payment payments.payment.id%type;
  of_refund payments.refund.id%type;
  said bigint;
  -- Whose the last transfer of the same entry was.
  before record;
  written integer := 0;
begin
  perform pg_advisory_xact_lock(hashtextextended('payments.ledger_settle', 0));
  for line in
    select * from json_to_recordset(confirmed) as c (book text, "paymentId" text, "refundId" text, currency text, amount bigint)
  loop
    of_payment := line."paymentId";
    of_refund := line."refundId";
    select coalesce(sum(e.amount) filter (where a.currency = line.currency), 0) into said
    from payments.transfer t
      join payments.entry e on e.transfer_id = t.id
      join payments.account a on a.id = e.account_id and a.kind = 'payee'
    where t.provider = of_provider and t.book = line.book;
    select t.payment_id, t.refund_id, t.revision into before from payments.transfer t
    where t.provider = of_provider and t.book = line.book order by t.revision desc limit 1;
    if said <> 0 and (before.payment_id, before.refund_id) is distinct from (of_payment, of_refund) then
      perform payments.ledger_write(before.payment_id, before.refund_id, 'settled', null, false, line.currency,
        array['clearing:' || of_provider, 'payee'], array[said, -said], of_provider, line.book, before.revision + 1);
      before.revision := before.revision + 1;
      written := written + 1;
      said := 0;
    end if;
    if line.amount <> said then
      perform payments.ledger_write(of_payment, of_refund, 'settled', null, false, line.currency,
        array['clearing:' || of_provider, 'payee'], array[said - line.amount, line.amount - said],
        of_provider, line.book, coalesce(before.revision, 0) + 1);
      written := written + 1;
    end if;
  end loop;
  return written;
end $$;

-- Folds at most max_rows of the oldest new rows of balance, with the folded ones of the same accounts. Returns how many rows
-- were new; 0 also if another session folds. Readers see the same sums before and after it, and writers never wait for it.
create function payments.ledger_fold(max_rows integer default 10000) returns integer
language plpgsql as $$
declare
  folded integer;
begin
  if not pg_try_advisory_xact_lock(hashtextextended('payments.ledger_fold', 0)) then
    return 0;
  end if;
  with picked as materialized (
    select b.id, b.account_id from payments.balance b where not b.is_folded order by b.id limit max_rows
  ), gone as (
    delete from payments.balance b
    where (not b.is_folded and b.id in (select p.id from picked p))
      or (b.is_folded and b.account_id in (select p.account_id from picked p))
    returning b.account_id, b.amount, b.entries, b.is_folded
  ), kept as (
    insert into payments.balance (account_id, amount, entries, is_folded)
      select g.account_id, sum(g.amount), sum(g.entries), true from gone g group by g.account_id
  )
  select count(*) filter (where not g.is_folded) into folded from gone g;
  return folded;
end $$;

-- What is wrong with the ledger: no row if nothing is. One statement, so one moment. It reads the whole ledger, or with since the
-- postings of payments that were created then or later, and each account's balance.
create function payments.ledger_check(since timestamptz default '-infinity') returns table (problem text, subject text, detail text)
language sql stable as $$
  with posting as materialized (
    select e.transfer_id, e.account_id, e.amount, t.id, t.payment_id, t.refund_id, t.phase, a.kind, a.currency
    from payments.entry e
      left join payments.transfer t on t.id = e.transfer_id
      left join payments.account a on a.id = e.account_id
    -- The planner knows since, and drops the half that it doesn't need.
    where since = '-infinity' or t.payment_id in (select p.id from payments.payment p where p.created_at >= since)
  ), own as (
    select payment_id, refund_id, min(currency) as currency, min(currency) = max(currency) as is_one,
      coalesce(sum(amount) filter (where kind = 'user'), 0) as "user",
      coalesce(sum(amount) filter (where kind = 'held'), 0) as held,
      coalesce(sum(amount) filter (where kind = 'clearing'), 0) as clearing,
      coalesce(sum(amount) filter (where kind = 'payee'), 0) as payee
    from posting where phase <> 'settled' group by payment_id, refund_id
  ), due as (
    select p.id as payment_id, null as refund_id, p.currency, p.amount, payments.ledger_end(p.status) as ended, p.status,
      p.execution_requested_at is not null and payments.ledger_end(p.status) is null as is_held
    from payments.payment p where p.created_at >= since
    union all
    select r.payment_id, r.id, p.currency, r.amount, payments.ledger_end(r.status), r.status, payments.ledger_end(r.status) is null
    from payments.refund r join payments.payment p on p.id = r.payment_id where p.created_at >= since
  ), expected as (
    select payment_id, refund_id, currency, status, amount as due,
      (case when refund_id is null and (ended = 'posted' or is_held) then -amount
        when refund_id is not null and ended = 'posted' then amount else 0 end) as "user",
      (case when is_held then amount else 0 end) as held,
      (case when ended is distinct from 'posted' then 0 when refund_id is null then amount else -amount end) as clearing,
      (case when refund_id is not null and is_held then -amount else 0 end) as payee
    from due
  )
  select 'sum is not 0', coalesce(currency, 'no account'), sum(amount)::text from posting
    group by currency having sum(amount) <> 0
  union all
  select 'sum of balances is not 0', coalesce(a.currency, 'no account'), sum(b.amount)::text
    from payments.balance b left join payments.account a on a.id = b.account_id
    group by a.currency having sum(b.amount) <> 0
  union all
  select 'transfer does not add up', transfer_id::text, sum(amount) || ' ' || coalesce(currency, 'of no account') from posting
    group by transfer_id, currency having sum(amount) <> 0 or bool_or(id is null or currency is null)
  union all
  select 'transfer without entries', t.id::text, t.phase from payments.transfer t
    where t.at >= since and not exists (select from payments.entry e where e.transfer_id = t.id)
  union all
  select 'balance is not its entries', coalesce(e.account_id, b.account_id)::text,
      coalesce(b.amount, 0) || ' of ' || coalesce(b.entries, 0) || ', entries ' || coalesce(e.amount, 0) || ' of ' || coalesce(e.entries, 0)
    from (select account_id, sum(amount) as amount, count(*) as entries from posting group by account_id) e
      full join (select account_id, sum(amount) as amount, sum(entries) as entries from payments.balance group by account_id) b
        on b.account_id = e.account_id
    where since = '-infinity' and (e.amount, e.entries) is distinct from (b.amount, b.entries)
  union all
  select 'postings are not what the status says',
      'payment ' || coalesce(x.payment_id, o.payment_id) || coalesce(', refund ' || coalesce(x.refund_id, o.refund_id), ''),
      coalesce(x.status || ' ' || x.due || ' ' || x.currency, 'unknown') || ': ' || concat_ws(', ',
        'user ' || coalesce(o."user", 0), 'held ' || coalesce(o.held, 0), 'clearing ' || coalesce(o.clearing, 0))
    from expected x full join own o
      on o.payment_id = x.payment_id and coalesce(o.refund_id::text, '') = coalesce(x.refund_id::text, '')
    where (x."user", x.held, x.clearing, x.payee)
        is distinct from (coalesce(o."user", 0), coalesce(o.held, 0), coalesce(o.clearing, 0), coalesce(o.payee, 0))
      or (o.payment_id is not null and (not o.is_one or o.currency is distinct from x.currency))
$$;

-- What was there before gets the postings of where it stands. What ended without moving money has none.
do $$
declare
  paid payments.payment;
  back payments.refund;
begin
  for paid in
    select * from payments.payment p where p.execution_requested_at is not null or p.status = 'DONE' order by p.created_at, p.id
  loop
    perform payments.ledger_follow(paid, null, true);
  end loop;
  for back in select * from payments.refund r where r.status <> 'FAILED' order by r.created_at, r.id loop
    select * into paid from payments.payment p where p.id = back.payment_id;
    perform payments.ledger_follow(paid, back, true);
  end loop;
end $$;

insert into payments.migration (version) values (5);
