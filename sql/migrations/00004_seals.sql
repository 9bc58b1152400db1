-- +goose Up

-- All of it is additive: a node of the version before runs on it, and what that node leaves unsealed the next one seals.

-- Seals: one for each group that had postings. root is the Merkle root of its postings, hash chains it to the seal
-- before in the same lane.
create table seals (
    seal      bigint      not null,
    sealed_at timestamptz not null,
    lane      smallint    not null,
    postings  smallint    not null check (postings > 0),
    root      bytea       not null check (length(root) = 32),
    hash      bytea       not null check (length(hash) = 32),
    primary key (lane, seal)
);

create trigger seals_stay before update or delete on seals for each row execute function refuse_change();
create trigger seals_stay_whole before truncate on seals for each statement execute function refuse_change();

-- sealed is the lane's last seal that has its row, head that row's hash.
alter table lanes add column sealed bigint not null default 0, add column head bytea not null default '';

alter table postings add column metadata text;

-- Since when a hold no longer holds money; null for one that does, and for those that ended before there was this
-- column.
alter table holds add column ended_at timestamptz;
create index holds_account_time on holds (account_id, created_at);

-- An overdraft line stands with the balance that it serves: a posting decides by both at once.
alter table balances
    add column receivable   uuid references accounts (id),
    add column line_limit   bigint      not null default 0 check (line_limit >= 0),
    add column line_until   timestamptz,
    add column line_fee_bps integer     not null default 0 check (line_fee_bps between 0 and 10000);

-- Up to which day the books are closed. Who posts into a day on purpose holds this row while it does.
create table periods (
    one            boolean primary key default true check (one),
    closed_through date
);

insert into periods default values;

-- Days of the books that take no more postings, in their order.
create table closed_days (
    day       date primary key,
    closed_at timestamptz not null,
    postings  bigint      not null,
    entries   bigint      not null,
    closed_by text        not null,
    figures   text        not null,
    hash      bytea       not null check (length(hash) = 32)
);

create trigger closed_days_stay before update or delete on closed_days for each row execute function refuse_change();
create trigger closed_days_stay_whole before truncate on closed_days for each statement execute function refuse_change();

-- +goose Down
drop table closed_days, periods, seals;
drop index holds_account_time;
alter table lanes drop column sealed, drop column head;
alter table postings drop column metadata;
alter table holds drop column ended_at;
alter table balances drop column receivable, drop column line_limit, drop column line_until, drop column line_fee_bps;
