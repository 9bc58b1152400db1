-- name: make_product
insert into savings_products (id, created_at, currency, code, name) values ($1, $2, $3, $4, $5)
on conflict (code) do nothing;

-- name: lock_product
select id, name, currency, created_at from savings_products where code = $1 for update;

-- name: insert_terms
-- Only after all others of the product, whose row the caller has locked.
insert into savings_terms (product_id, minimum, made_at, from_day, annual_rate_bps, tiers, made_by)
select $1, $2::bigint, $3::timestamptz, $4::date, $5::integer, $6::text, $7::text
where not exists (select from savings_terms where product_id = $1 and from_day >= $4::date);

-- name: products
-- The terms in force on day $1 and those to come.
select p.id, p.code, p.name, p.currency, p.created_at, t.from_day, t.annual_rate_bps, t.minimum, t.tiers
from savings_products p join savings_terms t on t.product_id = p.id
where (p.code, t.from_day) > ($2, $3::date)
  and t.from_day >= coalesce((select max(e.from_day) from savings_terms e
                              where e.product_id = p.id and e.from_day <= $1::date), '-infinity')
order by p.code, t.from_day limit $4;

-- name: offered
select p.id, p.code, p.name, p.currency, p.created_at, t.from_day, t.annual_rate_bps, t.minimum, t.tiers
from savings_products p join savings_terms t on t.product_id = p.id
where p.currency = $2 and t.from_day <= $1::date
order by p.created_at, p.id, t.from_day desc limit 1;

-- name: terms
select from_day, annual_rate_bps, minimum, tiers from savings_terms where product_id = $1 order by from_day;

-- name: insert_savings
insert into savings_accounts (account_id, customer_id, product_id, hold_id, minimum, made_at)
values ($1, $2, $3, $4, $5, $6);

-- name: savings_of
select a.account_id, a.hold_id, a.minimum as agreed,
       p.id, p.code, p.name, p.currency, p.created_at, t.from_day, t.annual_rate_bps, t.minimum, t.tiers
from savings_accounts a join savings_products p on p.id = a.product_id join savings_terms t on t.product_id = p.id
where a.customer_id = $1 and t.from_day <= $2::date
order by t.from_day desc limit 1;

-- name: insert_line
insert into overdraft_lines (account_id, receivable_id, customer_id, credit_limit, created_at, updated_at, expires_at,
    fee_bps, annual_rate_bps, currency, status, made_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: update_line
update overdraft_lines set credit_limit = $2, updated_at = $3, expires_at = $4, fee_bps = $5, annual_rate_bps = $6,
    status = $7, made_by = $8
where account_id = $1;

-- name: line
select * from overdraft_lines where account_id = $1;

-- name: lock_line
select * from overdraft_lines where account_id = $1 for update;

-- name: lines
-- What one client opened is not there for another.
select l.* from overdraft_lines l join accounts a on a.id = l.account_id
where l.account_id > $1 and a.opened_by in ('nova', $2) and ($3::uuid is null or l.account_id = $3)
order by l.account_id limit $4;

-- name: due_lines
select account_id from overdraft_lines where status = 'active' and expires_at <= $1 order by expires_at limit $2;

-- name: set_rate
insert into overdraft_rates (account_id, from_day, annual_rate_bps) values ($1, $2, $3)
on conflict (account_id, from_day) do update set annual_rate_bps = excluded.annual_rate_bps;

-- name: rates
select from_day, annual_rate_bps, 0::bigint as minimum, '[]' as tiers
from overdraft_rates where account_id = $1 order by from_day;

-- name: bear
insert into interest_accounts (account_id, accrued_to, posted_to, kind) values ($1, $2, $3, $4);

-- name: due_bearers
-- The furthest behind first.
select i.account_id, i.kind, i.accrued_to, coalesce(a.product_id, l.account_id) as terms_of
from interest_accounts i
left join savings_accounts a on a.account_id = i.account_id
left join overdraft_lines l on l.receivable_id = i.account_id
where i.accrued_to < $1::date
order by i.accrued_to, i.account_id limit $2;

-- name: advance
update interest_accounts set accrued_to = $3 where account_id = $1 and accrued_to = $2;

-- name: insert_days
insert into interest_days (account_id, balance, day, units)
select $1, u.balance, u.day, u.units::numeric
from unnest($2::bigint[], $3::date[], $4::text[]) as u (balance, day, units);

-- name: unposted
-- A month is whole when its last day has accrued; posted_to is a first day.
select account_id from interest_accounts
where posted_to < $1::date and accrued_to >= (posted_to + interval '2 months')::date - 1
order by posted_to, account_id limit $2;

-- name: lock_bearer
select accrued_to, posted_to from interest_accounts where account_id = $1 for update;

-- name: leftover
select leftover::text from interest_months where account_id = $1 and month = $2;

-- name: units_of
select coalesce(sum(units), 0)::text from interest_days where account_id = $1 and day between $2 and $3;

-- name: insert_month
insert into interest_months (account_id, posting_id, minor, due_at, posted_at, month, units, leftover)
values ($1, $2, $3, $4, $5, $6, $7::numeric, $8::numeric);

-- name: computed
update interest_accounts set posted_to = $2 where account_id = $1;

-- name: due_months
select m.account_id, i.kind, m.month, m.posting_id, m.minor, m.tries, coalesce(a.customer_id, l.customer_id) as customer_id,
       coalesce(p.name, '') as product
from interest_months m
join interest_accounts i on i.account_id = m.account_id
left join savings_accounts a on a.account_id = m.account_id
left join savings_products p on p.id = a.product_id
left join overdraft_lines l on l.receivable_id = m.account_id
where m.posted_at is null and m.due_at <= $1
order by m.month, m.due_at, m.account_id limit $2;

-- name: booked
update interest_months set posted_at = $3 where account_id = $1 and month = $2 and posted_at is null;

-- name: refused
update interest_months set tries = tries + 1, due_at = $4
where account_id = $1 and month = $2 and tries = $3 and posted_at is null;
