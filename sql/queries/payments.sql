-- name: used
-- How far counters stand, in the order asked for.
select coalesce(c.used, 0) as used
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) with ordinality
    as u (subject, rule, window_kind, window_start, place)
left join counters c on c.subject = u.subject and c.rule = u.rule and c.window_kind = u.window_kind
    and c.window_start = u.window_start::date
order by u.place;

-- name: overdue_code
-- A code whose time is over and whose hold no worker has ended yet.
select id from holds
where account_id = $1 and kind = $2 and status = 'active' and expires_at <= $3;
