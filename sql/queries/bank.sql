-- name: granted
select account_id from grants where client_id = $1 and account_id = any($2::uuid[]);

-- name: grant
-- A grant that is there already is kept, with its date, and counted all the same.
insert into grants (client_id, account_id, granted_at)
select id, $2, $3 from clients where id = $1
on conflict (client_id, account_id) do update set granted_at = grants.granted_at;

-- name: revoke
delete from grants where client_id = $1 and account_id = $2;

-- name: lock_balance
-- With the receivable of its overdraft line, in the ledger's order of locks.
select max(status) filter (where account_id = $1) as status, (sum(posted) filter (where account_id = $1))::bigint as posted,
    (sum(held) filter (where account_id = $1))::bigint as held,
    coalesce(sum(posted) filter (where account_id <> $1), 0)::bigint as owed
from (
    select * from balances
    where account_id = any(array[$1::uuid] || array(
        select receivable from balances where account_id = $1 and receivable is not null))
    order by account_id, lane for update
) locked;
