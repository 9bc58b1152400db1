-- +goose Up

-- Columns stand widest first: an entry and a transaction are kept for ever, and padding is paid for each row.

-- Accounts: who owns what. Facts that never change, or only by staff.
create table accounts (
    id          uuid primary key,
    opened_at   timestamptz not null,
    currency    char(3)     not null,
    owner_kind  text        not null,
    owner_id    text        not null check (length(owner_id) between 1 and 64),
    product     text        not null,
    name        text        not null default '',
    opened_by   text        not null default 'nova',
    metadata    text        not null default '{}'
);

-- Nova's own people and books hold one account of a product and currency; a client's accounts repeat as it likes.
create unique index accounts_one_a_product on accounts (owner_kind, owner_id, product, currency) where opened_by = 'nova';

-- Balances: what a posting must lock, and nothing else. A floorless system account has a row for each lane,
-- so that nodes do not wait for each other; everybody else has lane 0 alone.
-- posted is positive on the account's normal side (credit_normal says which side that is).
create table balances (
    account_id    uuid        not null references accounts (id),
    posted        bigint      not null default 0,
    held          bigint      not null default 0 check (held >= 0),
    sequence      bigint      not null default 0,
    floor         bigint,
    booked_at     timestamptz not null,
    lane          smallint    not null default 0,
    tier          smallint    not null default 0,
    credit_normal boolean     not null,
    currency      char(3)     not null,
    status        text        not null default 'active' check (status in ('active', 'frozen', 'closed')),
    primary key (account_id, lane),
    constraint balances_floor check (floor is null or posted - held >= floor),
    constraint balances_lane check (floor is null or lane = 0)
) with (fillfactor = 50);

-- Postings: balanced sets of entries. lane, seal and place say in which group of which lane it was written, and
-- where in it.
create table postings (
    id          uuid primary key,
    reverses    uuid,
    seal        bigint      not null,
    booked_at   timestamptz not null,
    value_date  date        not null,
    lane        smallint    not null,
    place       smallint    not null,
    currency    char(3)     not null,
    narration   text        not null default '',
    reference   text        not null default '',
    constraint postings_place unique (lane, seal, place)
);

create unique index postings_reversed_once on postings (reverses) where reverses is not null;

-- Entries: append-only, one partition a month (UTC), made ahead by a worker. minor is positive; credit says on
-- which side. sequence runs without gaps for each account and lane, and balance_after is the balance of that row.
create table entries (
    account_id    uuid        not null,
    posting_id    uuid        not null,
    sequence      bigint      not null,
    minor         bigint      not null check (minor > 0),
    balance_after bigint      not null,
    booked_at     timestamptz not null,
    lane          smallint    not null,
    line          smallint    not null,
    credit        boolean     not null,
    primary key (account_id, sequence, booked_at, lane)
) partition by range (booked_at);

-- A posting's entries are found by its time, which they share: entries are written in that order, so an index of a
-- few bytes a megabyte does.
create index entries_time on entries using brin (booked_at) with (pages_per_range = 16, autosummarize = on);

-- A month whose partition nobody made in time must not stop money: its entries lie here until the worker moves them.
create table entries_rest partition of entries default;

-- What is written stays written, whoever asks. This guards against mistakes and against a serving role with too
-- many rights; what an owner of the tables does on purpose is found by the checks.
-- +goose StatementBegin
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd

create trigger entries_stay before update or delete on entries for each row execute function refuse_change();
create trigger entries_stay_whole before truncate on entries for each statement execute function refuse_change();
create trigger entries_stay_whole before truncate on entries_rest for each statement execute function refuse_change();
create trigger postings_stay before update or delete on postings for each row execute function refuse_change();
create trigger postings_stay_whole before truncate on postings for each statement execute function refuse_change();

-- Housekeeping, not a rule of money: makes the partition of a month, moves into it what already lies in
-- entries_rest, and tells how many rows that was; -1 when the partition was there. It runs with its owner's rights, so
-- that the serving role needs none to change tables.
-- +goose StatementBegin
create function entries_make_month(month date) returns bigint language plpgsql
    security definer set search_path from current as $$
declare
    part  text        := 'entries_' || to_char(month, '"y"YYYY"m"MM');
    since timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
    till  timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
    moved bigint      := 0;
begin
    if to_regclass(part) is not null then
        return -1;
    end if;
    lock table entries in access exclusive mode;
    if to_regclass(part) is not null then
        return -1;
    end if;
    execute format('create table %I (like entries including all)', part);
    execute format('create trigger entries_stay_whole before truncate on %I '
        'for each statement execute function refuse_change()', part);
    if exists (select from entries_rest where booked_at >= since and booked_at < till) then
        -- A detached table has none of the parent's triggers, so the rows can leave it.
        alter table entries detach partition entries_rest;
        execute format('insert into %I select * from entries_rest where booked_at >= $1 and booked_at < $2', part)
            using since, till;
        get diagnostics moved = row_count;
        delete from entries_rest where booked_at >= since and booked_at < till;
        execute format('alter table entries attach partition %I for values from (%L) to (%L)', part, since, till);
        alter table entries attach partition entries_rest default;
        return moved;
    end if;
    execute format('alter table entries attach partition %I for values from (%L) to (%L)', part, since, till);
    return moved;
end
$$;
-- +goose StatementEnd

-- Holds: money reserved on an account. code_hash and code_sealed are erased when the hold ends.
create table holds (
    id           uuid primary key,
    account_id   uuid        not null references accounts (id),
    minor        bigint      not null check (minor > 0),
    captured     bigint      not null default 0 check (captured between 0 and minor),
    fee          bigint      not null default 0,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    code_version integer     not null default 0,
    tries        smallint    not null default 0,
    kind         text        not null,
    status       text        not null default 'active' check (status in ('active', 'captured', 'released', 'expired')),
    code_hash    bytea,
    code_sealed  bytea,
    reason       text        not null default '',
    metadata     text        not null default '{}'
);

-- One live withdrawal code a wallet.
create unique index holds_one_live_code on holds (account_id) where status = 'active' and kind = 'withdrawal_code';
create index holds_due on holds (expires_at) where status = 'active';
create index holds_account on holds (account_id) where status = 'active';

-- Claims of idempotency keys with their stored results; never partitioned by time, so that a key is unique for ever
-- kept. code is empty for a result, the refusal's code otherwise. Money commands are stored with their outcome; where
-- a key is claimed first, code is null until the same transaction settles it, which no other one ever sees.
create table idempotency_keys (
    digest     bytea primary key check (length(digest) = 32),
    created_at timestamptz not null,
    body       bytea       not null check (length(body) = 32),
    code       text,
    result     text
);

create index idempotency_keys_age on idempotency_keys using brin (created_at);

-- Counters of limits: one row a subject, rule and window.
create table counters (
    subject      uuid     not null,
    used         bigint   not null default 0 check (used >= 0),
    window_start date     not null,
    window_kind  smallint not null,
    rule         text     not null,
    primary key (subject, window_start, window_kind, rule)
) with (fillfactor = 50);

-- Lanes: each writer leases one. epoch fences a writer that lost its lease. groups counts the lane's transactions:
-- after a commit whose answer was lost it tells whether that commit lasted. seal counts the groups that had
-- postings. Lane 0 belongs to PostIn.
create table lanes (
    id            smallint primary key,
    epoch         bigint      not null default 0,
    groups        bigint      not null default 0,
    seal          bigint      not null default 0,
    receipt_next  bigint      not null default 0,
    receipt_end   bigint      not null default 0,
    leased_until  timestamptz not null default '-infinity',
    holder        text        not null default ''
) with (fillfactor = 10);

insert into lanes (id) select generate_series(0, 63);

-- Receipt numbers are handed to lanes in blocks, so that they are unique without a hot sequence.
create table receipt_blocks (
    one     boolean primary key default true check (one),
    next_at bigint not null default 0
);

insert into receipt_blocks default values;

-- +goose Down
drop function entries_make_month(date);
drop table receipt_blocks, lanes, counters, idempotency_keys, holds, entries, postings, balances, accounts;
drop function refuse_change();
