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
