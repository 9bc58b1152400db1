-- name: used
-- How far counters stand, in the order asked for.
select coalesce(c.used, 0) as used
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) with ordinality
    as u (subject, rule, window_kind, window_start, place)
left join counters c on c.subject = u.subject and c.rule = u.rule and c.window_kind = u.window_kind
    and c.window_start = u.window_start::date
order by u.place;

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
