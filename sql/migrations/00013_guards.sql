-- +goose NO TRANSACTION
-- +goose Up

-- Each statement is its own transaction and can be run again: customers is large, and nodes are at work on it.

-- Numbers by which authorities know a customer: AEAD-sealed, with a blind index for equality and the version of the key that
-- made the index, so that both keys can rotate. A node of the version before writes id_index under version 1: index keys
-- could not rotate before.
alter table customers
    add column if not exists id_index_key          integer not null default 1,
    add column if not exists tax_id_sealed         bytea,
    add column if not exists tax_id_index          bytea,
    add column if not exists tax_id_index_key      integer,
    add column if not exists nuib_sealed           bytea,
    add column if not exists nuib_index            bytea,
    add column if not exists nuib_index_key        integer,
    add column if not exists nationality_id_sealed    bytea,
    add column if not exists nationality_id_index     bytea,
    add column if not exists nationality_id_index_key integer,
    -- Since when the owner lets nobody dial into the wallet; null: not.
    add column if not exists ussd_blocked_at       timestamptz;

drop index concurrently if exists customers_tax_id;
create unique index concurrently customers_tax_id on customers (tax_id_index) where tax_id_index is not null;
drop index concurrently if exists customers_nuib;
create unique index concurrently customers_nuib on customers (nuib_index) where nuib_index is not null;
drop index concurrently if exists customers_nationality_id;
create unique index concurrently customers_nationality_id on customers (nationality_id_index)
    where nationality_id_index is not null;

-- The newest change of a number's SIM that anybody told, also for numbers that no customer has yet.
create table if not exists sim_swaps (
    msisdn      text primary key check (msisdn ~ '^[0-9]{7,15}$'),
    swapped_at  timestamptz not null,
    reported_at timestamptz not null,
    source      text        not null
);

-- The SIM that a customer last dialled with: a keyed hash of its IMSI, never the IMSI.
create table if not exists sim_cards (
    customer_id uuid primary key references customers (id),
    seen_at     timestamptz not null,
    hash_key    integer     not null,
    hash        bytea       not null check (length(hash) = 32)
);

-- +goose Down
drop table if exists sim_cards, sim_swaps;
drop index if exists customers_tax_id, customers_nuib, customers_nationality_id;
alter table customers
    drop column if exists id_index_key, drop column if exists tax_id_sealed, drop column if exists tax_id_index,
    drop column if exists tax_id_index_key, drop column if exists nuib_sealed, drop column if exists nuib_index,
    drop column if exists nuib_index_key, drop column if exists nationality_id_sealed,
    drop column if exists nationality_id_index, drop column if exists nationality_id_index_key,
    drop column if exists ussd_blocked_at;
