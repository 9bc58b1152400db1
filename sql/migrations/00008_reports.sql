-- +goose Up

-- What trust had to cover when a day was closed, in each currency, and what was swept to settle the difference: above
-- zero from trust to the operator's bank, below zero into trust. underway is what earlier closes had swept by then, and
-- the day's figures do not have yet.
create table day_reports (
    posting_id uuid,
    trust      bigint      not null,
    owed       bigint      not null,
    underway   bigint      not null,
    swept      bigint      not null,
    closed_at  timestamptz not null,
    day        date        not null,
    currency   char(3)     not null,
    hash       bytea       not null check (length(hash) = 32),
    primary key (day, currency),
    constraint day_reports_posting check ((swept = 0) = (posting_id is null))
);

create trigger day_reports_stay before update or delete on day_reports for each row execute function refuse_change();
create trigger day_reports_stay_whole before truncate on day_reports
    for each statement execute function refuse_change();

-- Money in trust of which nobody knows yet whose it is. An item's posting has its id.
create table suspense_items (
    id             uuid primary key,
    settled_by_id  uuid,
    settled_to     uuid references accounts (id),
    minor          bigint      not null check (minor > 0),
    opened_at      timestamptz not null,
    settled_at     timestamptz,
    currency       char(3)     not null,
    reference      text        not null,
    note           text        not null,
    opened_by      text        not null,
    settled_by     text        not null default '',
    settled_note   text        not null default '',
    constraint suspense_items_reference unique (reference),
    constraint suspense_items_settled check ((settled_at is null) = (settled_by_id is null))
);

create index suspense_items_open on suspense_items (opened_at, id) where settled_at is null;

-- +goose Down
drop table suspense_items, day_reports;
