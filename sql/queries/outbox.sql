-- name: enqueue
insert into notices (id, template, msisdn, language, args, sealed, transaction_id, dedupe, available_at, created_at)
select u.id, u.template, u.msisdn, u.language, u.args, u.sealed, u.transaction_id, u.dedupe, u.at, u.at
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::uuid[], $8::text[],
            $9::timestamptz[]) as u (id, template, msisdn, language, args, sealed, transaction_id, dedupe, at)
on conflict do nothing;

-- name: claim
update notices n
set claimed_until = $1::timestamptz + $3 * interval '1 microsecond', attempts = n.attempts + 1
from (
    select id from notices
    where status = 'queued' and available_at <= $1 and (claimed_until is null or claimed_until <= $1) and attempts < $4
    order by available_at limit $2
    for update skip locked
) as due
where n.id = due.id
returning n.id, n.template, n.msisdn, n.language, n.args, n.sealed, n.transaction_id, coalesce(n.dedupe, '') as dedupe,
          n.attempts, n.claimed_until, n.created_at;

-- name: give_up
-- Notices whose last sender died with them.
update notices set status = 'failed', sealed = null, failure = 'no sender came back'
where status = 'queued' and attempts >= $2 and claimed_until <= $1;

-- name: sent
update notices set status = 'sent', sealed = null, provider_ref = $2, sent_at = $3, claimed_until = null
where id = $1 and status = 'queued';

-- name: retry
update notices
set status = case when attempts >= $4 then 'failed' else 'queued' end,
    sealed = case when attempts >= $4 then null else sealed end,
    available_at = $2, failure = $3, claimed_until = null
where id = $1 and status = 'queued';

-- name: fail
update notices set status = 'failed', sealed = null, failure = $2, claimed_until = null
where id = $1 and status = 'queued';

-- name: withdraw
update notices set status = 'failed', sealed = null, failure = 'withdrawn', claimed_until = null
where id = any($1::uuid[]) and status = 'queued';

-- name: counts
select count(*) filter (where status = 'queued') as queued, count(*) filter (where status = 'failed') as failed,
       min(created_at) filter (where status = 'queued') as oldest
from notices
where status in ('queued', 'failed');
