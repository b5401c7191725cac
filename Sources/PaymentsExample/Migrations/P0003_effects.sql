-- What the library does now: callbacks for unknown ids wait in its inbox. Those that wait here were hints only, and whoever
-- stores a provider's id has the payment checked anyway.
drop table payments.unmatched_callback;

-- What has expired is purged by a service of each process, no longer by a task.
do $$
begin
  if to_regclass('taskqueue.task') is not null then
    delete from taskqueue.task where type = 'payments.purge';
  end if;
end $$;

insert into payments.migration (version) values (3);
