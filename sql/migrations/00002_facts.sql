-- +goose Up

-- The business fact behind a posting, which has the same id. Who has an account finds its facts by its entries.
-- Amounts are minor units of currency; tax is inside fee.
create table transactions (
    id           uuid primary key,
    intent_id    uuid,
    from_account uuid,
    from_owner   uuid,
    to_account   uuid,
    to_owner     uuid,
    agent_id     uuid,
    outlet_id    uuid,
    operator_id  uuid,
    client_id    uuid,
    reverses     uuid,
    reversed_by  uuid,
    amount       bigint      not null check (amount >= 0),
    fee          bigint      not null default 0 check (fee >= 0),
    tax          bigint      not null default 0 check (tax between 0 and fee),
    commission   bigint      not null default 0 check (commission >= 0),
    created_at   timestamptz not null,
    posted_at    timestamptz,
    currency     char(3)     not null,
    receipt      text        not null,
    type         text        not null,
    status       text        not null,
    channel      text        not null,
    from_name    text        not null default '',
    to_name      text        not null default '',
    reference    text        not null default '',
    tariff       text        not null default '',
    constraint transactions_receipt unique (receipt)
) with (fillfactor = 95);

-- What a person confirmed once is one transaction for ever, whatever channel it comes through again.
create unique index transactions_intent on transactions (intent_id) where intent_id is not null;
create unique index transactions_reference on transactions (client_id, reference)
    where client_id is not null and reference <> '';
create index transactions_outlet on transactions (outlet_id, created_at desc) where outlet_id is not null;

-- A promise to tell the outcome by SMS: stored before a money command is queued, settled by a worker.
create table promises (
    intent_id  uuid primary key,
    created_at timestamptz not null,
    amount     bigint      not null,
    currency   char(3)     not null,
    key_digest bytea       not null check (length(key_digest) = 32),
    msisdn     text        not null,
    language   text        not null,
    type       text        not null,
    payee      text        not null default ''
);

-- Notices: what is to be told to whom, as a template and its arguments. channels/sms claims, renders and sends.
-- dedupe is null for a notice that can be written only once anyhow.
create table notices (
    id             uuid primary key,
    transaction_id uuid,
    available_at   timestamptz not null,
    claimed_until  timestamptz,
    created_at     timestamptz not null,
    sent_at        timestamptz,
    attempts       smallint    not null default 0,
    template       text        not null,
    msisdn         text        not null,
    language       text        not null,
    args           text        not null default '{}',
    sealed         bytea,
    dedupe         text,
    status         text        not null default 'queued' check (status in ('queued', 'sent', 'failed')),
    provider_ref   text        not null default '',
    failure        text        not null default ''
) with (fillfactor = 90);

create unique index notices_dedupe on notices (dedupe) where dedupe is not null;
create index notices_queued on notices (available_at) where status = 'queued';

-- +goose Down
drop table notices, promises, transactions;
