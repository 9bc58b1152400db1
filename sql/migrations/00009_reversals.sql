-- +goose NO TRANSACTION
-- +goose Up

-- Each statement is its own transaction and can be run again: transactions is large, and nodes are at work on it.

-- The KYC tier by which limits counted a transaction, so that its reversal gives back what was counted and nothing
-- else; -1 where it is not known, as it is to a node of the version before.
alter table transactions add column if not exists tier smallint not null default -1;

-- What reverses or adjusts a transaction. One is reversed once.
drop index concurrently if exists transactions_reverses;
create index concurrently transactions_reverses on transactions (reverses) where reverses is not null;
drop index concurrently if exists transactions_reversed_once;
create unique index concurrently transactions_reversed_once on transactions (reverses) where type = 'reversal';

-- +goose Down
drop index if exists transactions_reversed_once, transactions_reverses;
alter table transactions drop column if exists tier;
