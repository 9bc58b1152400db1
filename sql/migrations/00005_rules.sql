-- +goose Up

-- What one person proposes and another one decides. payload is what the kind's effect needs, as JSON. audience is whose
-- people may decide, where not everybody who holds the purpose may.
create table approvals (
    id           uuid primary key,
    audience     uuid,
    maker_id     uuid        not null,
    checker_id   uuid,
    made_at      timestamptz not null,
    expires_at   timestamptz not null check (expires_at > made_at),
    decided_at   timestamptz,
    kind         text        not null check (kind <> ''),
    subject      text        not null check (subject <> ''),
    purpose      text        not null check (purpose <> ''),
    status       text        not null default 'pending'
        check (status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
    maker_kind   text        not null,
    checker_kind text        not null default '',
    note         text        not null default '',
    summary      text        not null,
    payload      text        not null,
    constraint approvals_two_people check (checker_id <> maker_id),
    constraint approvals_checked check ((checker_id is not null) = (status in ('approved', 'rejected'))),
    constraint approvals_decided check ((decided_at is null) = (status = 'pending'))
) with (fillfactor = 90);

-- A subject waits once for each kind: two people cannot approve the same thing side by side.
create unique index approvals_one_waits on approvals (kind, subject) where status = 'pending';
create index approvals_waiting on approvals (purpose, id) where status = 'pending';
create index approvals_due on approvals (expires_at) where status = 'pending';

-- What was proposed stays as it was, and a decision is for ever.
create trigger approvals_stay before update on approvals
    for each row when (old.status <> 'pending') execute function refuse_change();
create trigger approvals_stay_as_proposed
    before update of id, audience, maker_id, made_at, expires_at, kind, subject, purpose, maker_kind, summary, payload
    on approvals for each row execute function refuse_change();
create trigger approvals_are_kept before delete on approvals for each row execute function refuse_change();
create trigger approvals_are_kept_whole before truncate on approvals
    for each statement execute function refuse_change();

-- Rule books: what the market's prices and limits are, as documents that follow each other. The first of a kind came
-- from a file and has no approval.
create table rule_books (
    approval_id    uuid unique references approvals (id),
    maker_id       uuid,
    checker_id     uuid,
    effective_from timestamptz not null,
    created_at     timestamptz not null,
    version        integer     not null check (version > 0),
    kind           text        not null,
    maker_kind     text        not null default '',
    checker_kind   text        not null default '',
    hash           bytea       not null check (length(hash) = 32),
    document       text        not null,
    primary key (kind, version),
    constraint rule_books_moment unique (kind, effective_from),
    constraint rule_books_approved check (num_nonnulls(approval_id, maker_id, checker_id) =
        case when version = 1 then 0 else 3 end),
    constraint rule_books_two_people check (maker_id <> checker_id)
);

-- Old transactions were priced by it.
create trigger rule_books_stay before update or delete on rule_books for each row execute function refuse_change();
create trigger rule_books_stay_whole before truncate on rule_books for each statement execute function refuse_change();

-- +goose Down
drop table rule_books, approvals;
