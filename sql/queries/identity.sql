-- name: credential
select subject_kind, subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, changed_at
from credentials where subject_id = $1;

-- name: lock_credentials
-- As one text with a line a row and words between spaces, so that the ledger can send it beside its own locks.
with locked as materialized (
    select * from credentials where subject_id = any($1::uuid[]) order by subject_id for update
)
select coalesce(string_agg(concat_ws(' ', subject_kind, subject_id, encode(sealed, 'hex'), encode(salt, 'hex'),
    pepper_version, kek_key, wrong, coalesce((extract(epoch from locked_until) * 1000000)::bigint::text, '-'),
    (extract(epoch from changed_at) * 1000000)::bigint), E'\n'), '') as credentials
from locked;

-- name: save_credentials
-- Only rows that are as they were read.
update credentials c
set sealed = u.sealed, salt = u.salt, pepper_version = u.pepper_version, kek_key = u.kek_key,
    wrong = u.wrong, locked_until = u.locked_until
from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
        $8::bigint[], $9::bigint[], $10::timestamptz[])
    as u (subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, read_wrong, read_kek, changed_at)
where c.subject_id = any($1) and c.subject_id = u.subject_id and c.wrong = u.read_wrong and c.kek_key = u.read_kek
  and c.changed_at = u.changed_at;

-- name: set_credential
insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (subject_id) do update
set sealed = excluded.sealed, salt = excluded.salt, pepper_version = excluded.pepper_version,
    kek_key = excluded.kek_key, wrong = 0, locked_until = null, changed_at = excluded.changed_at;

-- name: add_credential
insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (subject_id) do nothing;

-- name: wrapped_before
-- Who is just being compared is passed over: the next round finds them.
select subject_kind, subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, changed_at
from credentials where kek_key <> $1
order by subject_id
limit $2
for update skip locked;

-- name: client
select id, name, secret_hash, secret_version, scopes, purposes, status
from clients where name = $1 or id = $2
limit 1;

-- name: insert_client
insert into clients (id, name, secret_hash, secret_version, scopes, purposes, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (name) do nothing;
