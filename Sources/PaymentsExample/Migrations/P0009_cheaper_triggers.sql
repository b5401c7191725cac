-- PostgreSQL prepares the conditions of triggers anew for each statement, and parses the SQL functions in them each time. So those of
-- every payment name the statuses for which payments.ledger_end is not null.

drop trigger payment_ledger_new on payments.payment;
create trigger payment_ledger_new after insert on payments.payment
  for each row when (
    new.execution_requested_at is not null or new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED', 'WON', 'LOST'))
  execute function payments.ledger_payment();

drop trigger payment_ledger on payments.payment;
create trigger payment_ledger after update of status, execution_requested_at on payments.payment
  for each row when (
    (old.execution_requested_at is null and new.execution_requested_at is not null)
    or (old.status is distinct from new.status and new.status in ('DONE', 'CANCELLED', 'FAILED', 'RETURNED', 'WON', 'LOST')))
  execute function payments.ledger_payment();

insert into payments.migration (version) values (9);
