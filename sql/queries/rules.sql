-- name: there
-- Not so while the schema is older than this code.
select to_regclass('rule_books') is not null as there;

-- name: first
insert into rule_books (kind, version, effective_from, created_at, hash, document)
values ($1, 1, $2, $2, $3, $4)
on conflict do nothing;

-- name: since
select version, effective_from, created_at, approval_id, maker_kind, maker_id, checker_kind, checker_id, hash, document
from rule_books
where kind = $1 and version > $2
order by version
limit $3;

-- name: add
-- The next number is free: drafts of a kind wait one at a time.
insert into rule_books (kind, version, effective_from, created_at, approval_id, maker_kind, maker_id, checker_kind,
                        checker_id, hash, document)
select $1, max(version) + 1, $2, $3, $4, $5, $6, $7, $8, $9, $10
from rule_books
where kind = $1;

-- name: newest
select version, effective_from, created_at, approval_id, maker_kind, maker_id, checker_kind, checker_id, hash,
       '' as document
from rule_books
where kind = $1 and version < $2
order by version desc
limit $3;

-- name: text
select document from rule_books where kind = $1 and version = $2;
