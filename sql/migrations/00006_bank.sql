-- +goose Up

-- Accounts that a client may act on without having opened them.
create table grants (
    client_id  uuid        not null references clients (id),
    account_id uuid        not null references accounts (id),
    granted_at timestamptz not null,
    primary key (client_id, account_id)
);

-- +goose Down
drop table grants;
