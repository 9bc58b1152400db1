-- name: totals
select type, count(*) as count, sum(amount)::bigint as amount
from transactions
where outlet_id = $1 and created_at >= $2 and status = 'completed'
group by type
order by type;

-- name: last
-- The customer is the side that is not the agent.
select created_at, type, case when type = 'cashin' then to_name else from_name end as name, amount, receipt
from transactions
where outlet_id = $1 and created_at >= $2 and status = 'completed'
order by created_at desc, id desc
limit $3;

-- name: underway
-- What was swept after a time: the balances as of that time do not have it.
select coalesce(sum(r.swept), 0)::bigint
from day_reports r join postings p on p.id = r.posting_id
where r.currency = $1 and p.booked_at >= $2;

-- name: insert_day_report
insert into day_reports (day, currency, trust, owed, underway, swept, posting_id, closed_at, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: day_reports
select day, currency, trust, owed, underway, swept, posting_id, hash
from day_reports where day between $1 and $2
order by day desc, currency;

-- name: insert_suspense
insert into suspense_items (id, minor, opened_at, currency, reference, note, opened_by)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: settle_suspense
-- Once: whoever comes second finds nothing to settle.
update suspense_items
set settled_at = $2, settled_by_id = $3, settled_to = $4, settled_by = $5, settled_note = $6
where id = $1 and settled_at is null;

-- name: suspense_item
select id, minor, currency, reference, note, opened_by, opened_at, settled_at, settled_to, settled_by, settled_note
from suspense_items where id = $1;

-- name: open_suspense
select id, minor, currency, reference, note, opened_by, opened_at, settled_at, settled_to, settled_by, settled_note
from suspense_items where settled_at is null
order by opened_at, id
limit $1;
