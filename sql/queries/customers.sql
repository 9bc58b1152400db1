-- name: by_msisdn
select id, msisdn, first_name, last_name, birth_date, tier, status, kyc_status, language, wallet_id
from customers where msisdn = $1;

-- name: by_ids
select id, msisdn, first_name, last_name, birth_date, tier, status, kyc_status, language, wallet_id
from customers where id = any($1::uuid[]);

-- name: taken
select exists (select from customers where msisdn = $1) as number,
       exists (select from customers where id_index = $2) as document;

-- name: insert
insert into customers (id, msisdn, first_name, last_name, birth_date, id_sealed, id_index, tier, kyc_status,
                       language, wallet_id, registered_via, registered_by, terms_accepted_at, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15);

-- name: lock_identity
select id, birth_date, id_sealed, identity_tries, identity_locked_until
from customers where id = $1
for update;

-- name: save_identity
update customers set identity_tries = $2, identity_locked_until = $3 where id = $1;

-- name: accept_terms
update customers set terms_accepted_at = coalesce(terms_accepted_at, $2), updated_at = $2 where id = $1;

-- name: set_language
update customers set language = $2, updated_at = $3 where id = $1;

-- name: set_status
update customers set status = $2, updated_at = $3 where id = $1;
