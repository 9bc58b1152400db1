-- +goose Up

-- Accounts: who owns what. Facts that never change, or only by staff.
create table accounts (
    id          uuid primary key,
    owner_kind  text        not null,
    owner_id    text        not null check (length(owner_id) between 1 and 64),
    product     text        not null,
    currency    char(3)     not null,
    name        text        not null default '',
    opened_by   text        not null default 'nova',
    metadata    text        not null default '{}',
    opened_at   timestamptz not null
);

-- Nova's own people and books hold one account of a product and currency; a client's accounts repeat as it likes.
create unique index accounts_one_a_product on accounts (owner_kind, owner_id, product, currency) where opened_by = 'nova';

-- Balances: what a posting must lock, and nothing else. A floorless system account has a row for each lane,
-- so that nodes do not wait for each other; everybody else has lane 0 alone.
-- posted is positive on the account's normal side (credit_normal says which side that is).
create table balances (
    account_id    uuid        not null references accounts (id),
    lane          smallint    not null default 0,
    currency      char(3)     not null,
    credit_normal boolean     not null,
    status        text        not null default 'active' check (status in ('active', 'frozen', 'closed')),
    tier          smallint    not null default 0,
    floor         bigint,
    posted        bigint      not null default 0,
    held          bigint      not null default 0 check (held >= 0),
    sequence      bigint      not null default 0,
    booked_at     timestamptz not null,
    primary key (account_id, lane),
    constraint balances_floor check (floor is null or posted - held >= floor)
) with (fillfactor = 80);

create table postings (
    id          uuid primary key,
    lane        smallint    not null,
    seal        bigint      not null,
    place       smallint    not null,
    currency    char(3)     not null,
    narration   text        not null default '',
    reverses    uuid,
    value_date  date        not null,
    booked_at   timestamptz not null,
    unique (lane, seal, place)
);

create unique index postings_reversed_once on postings (reverses) where reverses is not null;

-- Entries: append-only, one partition a month, made ahead by a worker. amount is positive on the account's
-- normal side; side says debit (D) or credit (C).
create table entries (
    account_id    uuid        not null,
    lane          smallint    not null,
    sequence      bigint      not null,
    posting_id    uuid        not null,
    line          smallint    not null,
    side          char(1)     not null check (side in ('D', 'C')),
    minor         bigint      not null check (minor > 0),
    balance_after bigint      not null,
    booked_at     timestamptz not null,
    primary key (account_id, lane, sequence, booked_at)
) partition by range (booked_at);

create index entries_posting on entries (posting_id);

-- A month whose partition nobody made in time must not stop money: its entries lie here until the worker moves them.
create table entries_rest partition of entries default;

create table holds (
    id          uuid primary key,
    account_id  uuid        not null references accounts (id),
    kind        text        not null,
    minor       bigint      not null check (minor > 0),
    captured    bigint      not null default 0 check (captured between 0 and minor),
    status      text        not null default 'active' check (status in ('active', 'captured', 'released', 'expired')),
    code_hash   bytea,
    code_sealed bytea,
    tries       smallint    not null default 0,
    fee         bigint      not null default 0,
    reason      text        not null default '',
    metadata    text        not null default '{}',
    created_at  timestamptz not null,
    expires_at  timestamptz not null
);

-- One live withdrawal code a wallet.
create unique index holds_one_live_code on holds (account_id) where status = 'active' and kind = 'withdrawal_code';
create index holds_due on holds (expires_at) where status = 'active';
create index holds_account on holds (account_id) where status = 'active';

-- Claims of idempotency keys with their stored results; never partitioned by time, so that a key is unique for ever kept.
create table idempotency_keys (
    digest     bytea primary key check (length(digest) = 32),
    body       bytea       not null check (length(body) = 32),
    code       text,
    result     text,
    created_at timestamptz not null
) with (fillfactor = 80);

create index idempotency_keys_age on idempotency_keys using brin (created_at);

-- Counters of limits: one row a subject, rule and window.
create table counters (
    subject      uuid     not null,
    rule         text     not null,
    window_start date     not null,
    window_kind  smallint not null,
    used         bigint   not null default 0,
    primary key (subject, rule, window_start, window_kind)
) with (fillfactor = 70);

-- Lanes: each writer leases one. epoch fences a writer that lost its lease. Lane 0 belongs to PostIn.
create table lanes (
    id            smallint primary key,
    epoch         bigint      not null default 0,
    holder        text        not null default '',
    leased_until  timestamptz not null default '-infinity',
    seal          bigint      not null default 0,
    booked_at     timestamptz not null default '-infinity',
    receipt_next  bigint      not null default 0,
    receipt_end   bigint      not null default 0
) with (fillfactor = 50);

insert into lanes (id) select generate_series(0, 63);

-- Receipt numbers are handed to lanes in blocks, so that they are unique without a hot sequence.
create table receipt_blocks (
    one     boolean primary key default true check (one),
    next_at bigint not null default 0
);

insert into receipt_blocks default values;

-- +goose Down
drop table receipt_blocks, lanes, counters, idempotency_keys, holds, entries, postings, balances, accounts;
