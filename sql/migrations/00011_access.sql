-- +goose NO TRANSACTION
-- +goose Up

-- Who may do what. All of it is additive, each statement is its own transaction and can be run again: nodes of the version
-- before are at work on credentials and clients meanwhile, and never look at what is new.

-- A family: what one sign-in leads to, until it ends. reason says why it was revoked.
create table if not exists sign_ins (
    id           uuid primary key,
    subject_kind text        not null,
    subject_id   uuid        not null,
    device       text        not null default '',
    channel      text        not null default '',
    aal          smallint    not null,
    amr          text        not null,
    created_at   timestamptz not null,
    used_at      timestamptz not null,
    expires_at   timestamptz not null,
    revoked_at   timestamptz,
    reason       text
);
create index if not exists sign_ins_live on sign_ins (subject_id, created_at) where revoked_at is null;
create index if not exists sign_ins_revoked on sign_ins (revoked_at) where revoked_at is not null;
create index if not exists sign_ins_over on sign_ins (expires_at);

-- Refresh tokens by their SHA-256: they are 256 random bits, which nobody finds again from a hash.
create table if not exists refresh_tokens (
    hash       bytea primary key check (length(hash) = 32),
    sign_in    uuid        not null references sign_ins (id) on delete cascade,
    issued_at  timestamptz not null,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index if not exists refresh_tokens_sign_in on refresh_tokens (sign_in);

-- One-time codes as keyed hashes; the code itself stands sealed in its notice and nowhere else. subject_id is null where
-- nobody answers to the number: whoever asked is not told. code_hash goes with the code's end.
create table if not exists otps (
    id               uuid primary key,
    purpose          text        not null,
    subject_kind     text        not null,
    subject_id       uuid,
    object           text        not null default '',
    code_hash        bytea,
    key_version      integer     not null,
    tries            smallint    not null default 0,
    notice_id        uuid,
    created_at       timestamptz not null,
    expires_at       timestamptz not null,
    verified_at      timestamptz,
    token_hash       bytea,
    token_expires_at timestamptz,
    spent_at         timestamptz
);
create unique index if not exists otps_token on otps (token_hash) where token_hash is not null;
create index if not exists otps_open on otps (subject_id, purpose) where code_hash is not null;
create index if not exists otps_over on otps (expires_at);

-- How often codes were sent, by keyed hash of whom they are for and of the number.
create table if not exists otp_sends (
    who         bytea primary key,
    window_from timestamptz not null,
    sent        smallint    not null,
    last_at     timestamptz not null
);
create index if not exists otp_sends_over on otp_sends (last_at);

-- Bound devices. A key is bound to one subject for ever, so that a lost one does not come back as somebody else's.
create table if not exists devices (
    id           uuid primary key,
    subject_kind text        not null,
    subject_id   uuid        not null,
    device       text        not null,
    platform     text        not null,
    model        text        not null default '',
    public_key   text        not null,
    thumbprint   bytea       not null check (length(thumbprint) = 32),
    bound_at     timestamptz not null,
    unbound_at   timestamptz,
    reason       text
);
create unique index if not exists devices_key on devices (thumbprint);
create unique index if not exists devices_live on devices (subject_id, device) where unbound_at is null;

-- Challenges: one request that waits for a second factor, by the hash of method, path and body.
create table if not exists step_ups (
    id           uuid primary key,
    subject_kind text        not null,
    subject_id   uuid        not null,
    session      uuid        not null,
    request_hash bytea       not null check (length(request_hash) = 32),
    channel      text        not null,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    approved_at  timestamptz,
    factor       text        not null default '',
    token_id     uuid,
    spent_at     timestamptz
);
create index if not exists step_ups_subject on step_ups (subject_id, expires_at);
create unique index if not exists step_ups_token on step_ups (token_id) where token_id is not null;
create index if not exists step_ups_over on step_ups (expires_at);

-- Who works for the operator of the service. password is an argon2id hash in PHC form; totp_step is the last time step
-- whose code was used.
create table if not exists staff (
    id            uuid primary key,
    email         text        not null unique check (email = lower(email)),
    name          text        not null,
    roles         text        not null,
    password      text        not null,
    must_change   boolean     not null default false,
    totp_sealed   bytea,
    totp_since    timestamptz,
    totp_step     bigint      not null default 0,
    wrong         smallint    not null default 0,
    locked_until  timestamptz,
    status        text        not null default 'active' check (status in ('active', 'disabled')),
    created_by    text        not null,
    created_at    timestamptz not null,
    updated_at    timestamptz not null
);

-- A client's secret before the last rotation, while it is good; when it was used, rotated and revoked.
alter table clients
    add column if not exists previous_hash    bytea,
    add column if not exists previous_version integer,
    add column if not exists previous_until   timestamptz,
    add column if not exists rotated_at       timestamptz,
    add column if not exists revoked_at       timestamptz,
    add column if not exists last_used_at     timestamptz;
create index if not exists clients_revoked on clients (revoked_at) where revoked_at is not null;

-- must_change: somebody else chose the PIN. reset_until: support has opened a reset; reset_at: the last one was used.
-- lock_told is the lock that stands in the record of security acts.
alter table credentials
    add column if not exists must_change boolean not null default false,
    add column if not exists reset_until timestamptz,
    add column if not exists reset_at    timestamptz,
    add column if not exists lock_told   timestamptz;
create index if not exists credentials_locked on credentials (locked_until) where locked_until is not null;

-- The PINs before the present one, as they stood in credentials.
create table if not exists pin_history (
    subject_id     uuid        not null,
    id             uuid        not null,
    sealed         bytea       not null,
    salt           bytea       not null,
    pepper_version integer     not null,
    kek_key        bigint      not null,
    replaced_at    timestamptz not null,
    primary key (subject_id, id)
);

-- +goose Down
drop table if exists pin_history, staff, step_ups, devices, otp_sends, otps, refresh_tokens, sign_ins;
drop index if exists credentials_locked;
alter table credentials
    drop column if exists must_change, drop column if exists reset_until, drop column if exists reset_at,
    drop column if exists lock_told;
drop index if exists clients_revoked;
alter table clients
    drop column if exists previous_hash, drop column if exists previous_version, drop column if exists previous_until,
    drop column if exists rotated_at, drop column if exists revoked_at, drop column if exists last_used_at;
