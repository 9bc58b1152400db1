-- name: by_msisdn
select c.id, c.msisdn, c.first_name, c.last_name, c.birth_date, c.tier, c.status, c.kyc_status, c.language, c.wallet_id,
       s.swapped_at as sim_swapped_at, p.reset_at as pin_reset_at, c.ussd_blocked_at
from customers c left join sim_swaps s on s.msisdn = c.msisdn left join credentials p on p.subject_id = c.id
where c.msisdn = $1;

-- name: by_ids
select c.id, c.msisdn, c.first_name, c.last_name, c.birth_date, c.tier, c.status, c.kyc_status, c.language, c.wallet_id,
       s.swapped_at as sim_swapped_at, p.reset_at as pin_reset_at, c.ussd_blocked_at
from customers c left join sim_swaps s on s.msisdn = c.msisdn left join credentials p on p.subject_id = c.id
where c.id = any($1::uuid[]);

-- name: taken
-- The first field that is another customer's.
select case
    when exists (select from customers where msisdn = $2 and id <> $1) then 'msisdn'
    when exists (select from customers where id_index = any($3::bytea[]) and id <> $1) then 'id_number'
    when exists (select from customers where tax_id_index = any($4::bytea[]) and id <> $1) then 'tax_id'
    when exists (select from customers where nuib_index = any($5::bytea[]) and id <> $1) then 'nuib'
    when exists (select from customers where nationality_id_index = any($6::bytea[]) and id <> $1) then 'nationality_id'
    else '' end;

-- name: insert
insert into customers (id, msisdn, first_name, last_name, birth_date, tier, kyc_status, language, wallet_id,
                       registered_via, registered_by, terms_accepted_at, created_at, updated_at,
                       id_sealed, id_index, id_index_key, tax_id_sealed, tax_id_index, tax_id_index_key,
                       nuib_sealed, nuib_index, nuib_index_key,
                       nationality_id_sealed, nationality_id_index, nationality_id_index_key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13,
        $14, $15, coalesce($16::integer, 1), $17, $18, $19, $20, $21, $22, $23, $24, $25);

-- name: lock_numbers
select id, id_sealed as "id_number.sealed", id_index as "id_number.index",
       case when id_sealed is not null then id_index_key end as "id_number.index_key",
       tax_id_sealed as "tax_id.sealed", tax_id_index as "tax_id.index", tax_id_index_key as "tax_id.index_key",
       nuib_sealed as "nuib.sealed", nuib_index as "nuib.index", nuib_index_key as "nuib.index_key",
       nationality_id_sealed as "nationality_id.sealed", nationality_id_index as "nationality_id.index",
       nationality_id_index_key as "nationality_id.index_key"
from customers where id = $1
for update;

-- name: save_numbers
-- Not where one of them is another customer's.
update customers
set id_sealed = $2, id_index = $3, id_index_key = coalesce($4::integer, 1),
    tax_id_sealed = $5, tax_id_index = $6, tax_id_index_key = $7,
    nuib_sealed = $8, nuib_index = $9, nuib_index_key = $10,
    nationality_id_sealed = $11, nationality_id_index = $12, nationality_id_index_key = $13
where id = $1
  and not exists (select from customers o where o.id_index = $3 and o.id <> $1)
  and not exists (select from customers o where o.tax_id_index = $6 and o.id <> $1)
  and not exists (select from customers o where o.nuib_index = $9 and o.id <> $1)
  and not exists (select from customers o where o.nationality_id_index = $12 and o.id <> $1);

-- name: stale_numbers
-- All that is sealed begins with the name of its key.
select id, id_sealed as "id_number.sealed", id_index as "id_number.index",
       case when id_sealed is not null then id_index_key end as "id_number.index_key",
       tax_id_sealed as "tax_id.sealed", tax_id_index as "tax_id.index", tax_id_index_key as "tax_id.index_key",
       nuib_sealed as "nuib.sealed", nuib_index as "nuib.index", nuib_index_key as "nuib.index_key",
       nationality_id_sealed as "nationality_id.sealed", nationality_id_index as "nationality_id.index",
       nationality_id_index_key as "nationality_id.index_key"
from customers
where id > $1
  and (substring(id_sealed from 1 for 5) <> $2 or id_sealed is not null and id_index_key <> $3
    or substring(tax_id_sealed from 1 for 5) <> $2 or tax_id_index_key <> $3
    or substring(nuib_sealed from 1 for 5) <> $2 or nuib_index_key <> $3
    or substring(nationality_id_sealed from 1 for 5) <> $2 or nationality_id_index_key <> $3)
order by id
limit $4
for update;

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
update customers set status = $2, updated_at = $3 where id = $1 and status <> 'closed';

-- name: set_tier
update customers set tier = $2, updated_at = $3 where id = $1;

-- name: set_ussd
update customers set ussd_blocked_at = $2, updated_at = $3
where id = $1 and (ussd_blocked_at is null) <> ($2::timestamptz is null);

-- name: add_swap
-- The newest word stays.
insert into sim_swaps (msisdn, swapped_at, source, reported_at)
values ($1, $2, $3, $4)
on conflict (msisdn) do update
set swapped_at = excluded.swapped_at, source = excluded.source, reported_at = excluded.reported_at
where excluded.swapped_at > sim_swaps.swapped_at;

-- name: sim_card
select customer_id, hash, hash_key from sim_cards where customer_id = $1;

-- name: lock_sim_card
select customer_id, hash, hash_key from sim_cards where customer_id = $1 for update;

-- name: set_sim_card
insert into sim_cards (customer_id, hash, hash_key, seen_at)
values ($1, $2, $3, $4)
on conflict (customer_id) do update
set hash = excluded.hash, hash_key = excluded.hash_key, seen_at = excluded.seen_at;
