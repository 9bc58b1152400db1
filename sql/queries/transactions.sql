-- name: insert
insert into transactions (id, intent_id, from_account, from_owner, to_account, to_owner, agent_id, outlet_id,
    operator_id, client_id, reverses, amount, fee, tax, commission, created_at, posted_at, currency, receipt, type, status,
    channel, from_name, to_name, reference, tariff, reversed_by, tier)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
    $9::uuid[], $10::uuid[], $11::uuid[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
    $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
    $24::text[], $25::text[], $26::text[], $27::uuid[], $28::bigint[]);

-- name: change
-- Only from the status that the change was made for: the writer counts the rows.
update transactions t
set status = u.target, posted_at = coalesce(u.posted_at, t.posted_at),
    reversed_by = coalesce(u.reversed_by, t.reversed_by)
from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::uuid[])
    as u (id, source, target, posted_at, reversed_by)
where t.id = any($1) and t.id = u.id and t.status = u.source;

-- name: by_id
select * from transactions where id = $1;

-- name: by_intent
select * from transactions where intent_id = $1;

-- name: by_receipt
select * from transactions where receipt = $1;

-- name: after
-- Ids are made in the order of time.
select * from transactions where id > $1 order by id limit $2;

-- name: by_ids
select * from transactions where id = any($1::uuid[]);

-- name: promise
-- A second try of the same intent takes the promise over: by then the first is long decided or withdrawn.
insert into promises (intent_id, created_at, amount, currency, key_digest, msisdn, language, type, payee)
select * from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::text[], $5::bytea[], $6::text[], $7::text[],
    $8::text[], $9::text[]) as u (intent_id, created_at, amount, currency, key_digest, msisdn, language, type, payee)
order by intent_id
on conflict (intent_id) do update
set created_at = excluded.created_at, key_digest = excluded.key_digest;

-- name: promised
select exists (select from promises where intent_id = $1);

-- name: overdue
-- Intents are made in the order of time, and so is their index.
select * from promises where created_at < $1 order by intent_id limit $2;

-- name: settle
delete from promises where intent_id = $1 and key_digest = $2;

-- name: settle_kept
delete from promises p using transactions t where t.intent_id = p.intent_id and p.created_at < $1;
