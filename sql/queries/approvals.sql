-- name: propose
insert into approvals (id, audience, maker_id, made_at, expires_at, kind, subject, purpose, maker_kind, summary, payload)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (kind, subject) where status = 'pending' do nothing;

-- name: by_id
select id, audience, maker_id, checker_id, made_at, expires_at, decided_at, kind, subject, purpose, status, maker_kind,
       checker_kind, note, summary, payload
from approvals
where id = $1;

-- name: lock
select id, audience, maker_id, checker_id, made_at, expires_at, decided_at, kind, subject, purpose, status, maker_kind,
       checker_kind, note, summary, payload
from approvals
where id = $1
for update;

-- name: waiting
-- What one checker may decide, the oldest first. Payloads may be large, and a list of them larger.
select id, audience, maker_id, checker_id, made_at, expires_at, decided_at, kind, subject, purpose, status, maker_kind,
       checker_kind, note, summary, '' as payload
from approvals
where status = 'pending' and expires_at > $1 and purpose = any($2::text[]) and maker_id <> $3
  and (audience is null or audience = any($4::uuid[]))
  and (coalesce(cardinality($5::text[]), 0) = 0 or kind = any($5::text[]))
  and id > $6
order by id
limit $7;

-- name: close
update approvals set status = $2, checker_id = $3, checker_kind = $4, decided_at = $5, note = $6 where id = $1;

-- name: overdue
select id from approvals where status = 'pending' and expires_at <= $1 order by expires_at limit $2;
