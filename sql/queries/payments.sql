-- name: running_counters
select subject, rule, used from counters where window_kind = $1 and window_start = $2;

-- name: repeated
-- When the payer $1 last gave the same to the same payee, as far as that is among the newest $7 entries of the account.
select t.created_at
from (
    select e.posting_id from entries e
    where e.account_id = $1 and e.lane = 0 and e.booked_at >= $6
      and e.sequence > (select b.sequence - $7 from balances b where b.account_id = $1 and b.lane = 0)
) newest
join transactions t on t.id = newest.posting_id
where t.from_account = $1 and t.to_account = $2 and t.type = $3 and t.amount = $4 and t.currency = $5
  and t.created_at >= $6 and t.status = 'completed'
order by t.created_at desc limit 1;

-- name: overdue_code
-- A code whose time is over and whose hold no worker has ended yet.
select id from holds
where account_id = $1 and kind = $2 and status = 'active' and expires_at <= $3;

-- name: lock_fact
-- Whoever takes money of a transaction back holds its row: what one of them decided, the next one sees.
select id from transactions where id = $1 for no key update;

-- name: adjusted
select coalesce(sum(amount), 0)::bigint from transactions where reverses = $1 and type = 'adjustment';

-- name: sides
-- What a posting gave each of its accounts, below zero for what it took, and the accounts as they stand now. What is
-- free of a house account does not matter: it stands in many lanes, of which this is one.
select e.account_id, e.minor, a.product, b.status, b.tier, b.posted, b.posted - b.held - coalesce(b.floor, 0) as available
from (
    select account_id, sum(case when credit then minor else -minor end)::bigint as minor, min(line) as line
    from entries
    where booked_at = (select booked_at from postings where id = $1) and posting_id = $1
    group by account_id
) e
join accounts a on a.id = e.account_id
join balances b on b.account_id = e.account_id and b.lane = 0
order by e.line;

-- name: claimed_hold
-- What is held on an account for the claims against one transaction.
select id, minor, expires_at from holds
where account_id = $1 and status = 'active' and kind = $2 and metadata::json ->> $3 = $4::text
order by id limit 1;

-- name: hold_active
select exists (select from holds where id = $1 and status = 'active');

-- name: account_of
select id from accounts
where owner_kind = $1 and owner_id = $2::text and product = $3 and currency = $4 and opened_by = $5;

-- name: colleagues
-- Whether somebody else serves at the operator's outlet.
select exists (
    select from operators where outlet_id = $1 and id <> $2 and status = 'active' and role <> 'viewer'
);

-- name: told_customers
select id, msisdn, language from customers where id = any($1::uuid[]);

-- name: told_operators
-- The operator who served; where a customer named just the agent, those who work for it, owners first.
select o.id, o.msisdn, o.language
from operators o join outlets u on u.id = o.outlet_id
where case when $1::uuid is not null then o.id = $1 else u.agent_id = $2 and o.status = 'active' and o.role <> 'viewer' end
order by array_position(array['owner', 'manager', 'cashier'], o.role), o.id
limit $3;
