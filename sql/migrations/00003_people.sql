-- +goose Up

-- A person's PIN: AEAD_kek(HMAC_pepper(person, salt, pin)). Both key versions are named; the row is locked while
-- a PIN is compared, and a wrong one changes only the counter.
create table credentials (
    subject_kind   text        not null,
    subject_id     uuid        not null,
    sealed         bytea       not null,
    salt           bytea       not null,
    pepper_version integer     not null,
    kek_key        bigint      not null,
    wrong          smallint    not null default 0,
    locked_until   timestamptz,
    changed_at     timestamptz not null,
    primary key (subject_id)
) with (fillfactor = 70);

-- API clients. secret_hash is a keyed hash; the secret itself is shown once.
create table clients (
    id             uuid primary key,
    name           text        not null unique,
    secret_hash    bytea       not null,
    secret_version integer     not null,
    scopes         text        not null,
    purposes       text        not null,
    status         text        not null default 'active' check (status in ('active', 'revoked')),
    created_at     timestamptz not null
);

-- Customers. Document numbers stand AEAD-sealed with a blind index for equality.
create table customers (
    id              uuid primary key,
    msisdn          text        not null unique check (msisdn ~ '^[0-9]{7,15}$'),
    first_name      text        not null,
    last_name       text        not null,
    birth_date      date        not null,
    id_sealed       bytea,
    id_index        bytea,
    tier            smallint    not null check (tier between 0 and 3),
    status          text        not null default 'active' check (status in ('active', 'suspended', 'closed')),
    kyc_status      text        not null default 'initiated',
    language        text        not null,
    wallet_id       uuid        not null references accounts (id),
    registered_via  text        not null,
    registered_by   uuid,
    terms_accepted_at timestamptz,
    identity_tries  smallint    not null default 0,
    identity_locked_until timestamptz,
    created_at      timestamptz not null,
    updated_at      timestamptz not null
);

create unique index customers_document on customers (id_index) where id_index is not null;

create table agents (
    id                 uuid primary key,
    code               text        not null unique check (code ~ '^[0-9]{4,10}$'),
    type               text        not null check (type in ('super_agent', 'agent')),
    legal_name         text        not null,
    trading_name       text        not null,
    parent_id          uuid references agents (id),
    status             text        not null default 'active' check (status in ('active', 'suspended', 'closed')),
    float_account      uuid        not null references accounts (id),
    commission_account uuid        not null references accounts (id),
    created_at         timestamptz not null,
    updated_at         timestamptz not null
);

create table outlets (
    id         uuid primary key,
    agent_id   uuid        not null references agents (id),
    code       text        not null unique,
    name       text        not null,
    time_zone  text        not null,
    status     text        not null default 'active' check (status in ('active', 'suspended', 'closed')),
    created_at timestamptz not null
);

create index outlets_agent on outlets (agent_id);

create table operators (
    id         uuid primary key,
    outlet_id  uuid        not null references outlets (id),
    msisdn     text        not null unique check (msisdn ~ '^[0-9]{7,15}$'),
    name       text        not null,
    role       text        not null check (role in ('owner', 'manager', 'cashier', 'viewer')),
    language   text        not null,
    status     text        not null default 'active' check (status in ('active', 'suspended', 'closed')),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index operators_outlet on operators (outlet_id);

create table merchants (
    id         uuid primary key,
    till       text        not null unique check (till ~ '^[0-9]{4,10}$'),
    name       text        not null,
    status     text        not null default 'active' check (status in ('active', 'suspended', 'closed')),
    account_id uuid        not null references accounts (id),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

-- +goose Down
drop table merchants, operators, outlets, agents, customers, clients, credentials;
