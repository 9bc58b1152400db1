-- +goose NO TRANSACTION
-- +goose Up

-- All of it is additive: a node of the version before runs on it, and what that node leaves unsealed the next one seals.
-- Each statement is its own transaction, so that no two tables are locked at once while nodes are at work on them, and
-- can be run again.

-- Seals: one for each group that had postings. root is the Merkle root of its postings, hash chains it to the seal
-- before in the same lane.
create table if not exists seals (
    seal      bigint      not null,
    sealed_at timestamptz not null,
    lane      smallint    not null,
    postings  smallint    not null check (postings > 0),
    root      bytea       not null check (length(root) = 32),
    hash      bytea       not null check (length(hash) = 32),
    primary key (lane, seal)
);

create or replace trigger seals_stay before update or delete on seals for each row execute function refuse_change();
create or replace trigger seals_stay_whole before truncate on seals for each statement execute function refuse_change();

-- sealed is the lane's last seal that has its row, head that row's hash.
alter table lanes
    add column if not exists sealed bigint not null default 0,
    add column if not exists head   bytea  not null default '';

alter table postings add column if not exists metadata text;

-- Since when a hold no longer holds money; null for one that does, and for those that ended before there was this
-- column.
alter table holds add column if not exists ended_at timestamptz;
drop index concurrently if exists holds_account_time;
create index concurrently holds_account_time on holds (account_id, created_at);

-- An overdraft line stands with the balance that it serves: a posting decides by both at once.
alter table balances
    add column if not exists receivable   uuid,
    add column if not exists line_limit   bigint  not null default 0,
    add column if not exists line_until   timestamptz,
    add column if not exists line_fee_bps integer not null default 0;
alter table balances drop constraint if exists balances_line;
alter table balances add constraint balances_line check (line_limit >= 0 and line_fee_bps between 0 and 10000) not valid;
alter table balances validate constraint balances_line;

-- Up to which day the books are closed. Who posts into a day on purpose holds this row while it does.
create table if not exists periods (
    one            boolean primary key default true check (one),
    closed_through date
);

insert into periods default values on conflict do nothing;

-- Days of the books that take no more postings, in their order.
create table if not exists closed_days (
    day       date primary key,
    closed_at timestamptz not null,
    postings  bigint      not null,
    entries   bigint      not null,
    closed_by text        not null,
    figures   text        not null,
    hash      bytea       not null check (length(hash) = 32)
);

create or replace trigger closed_days_stay before update or delete on closed_days
    for each row execute function refuse_change();
create or replace trigger closed_days_stay_whole before truncate on closed_days
    for each statement execute function refuse_change();

-- +goose Down
drop table if exists closed_days, periods, seals;
drop index if exists holds_account_time;
alter table lanes drop column if exists sealed, drop column if exists head;
alter table postings drop column if exists metadata;
alter table holds drop column if exists ended_at;
alter table balances drop constraint if exists balances_line;
alter table balances
    drop column if exists receivable, drop column if exists line_limit, drop column if exists line_until,
    drop column if exists line_fee_bps;
