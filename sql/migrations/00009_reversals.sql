-- +goose Up

-- The KYC tier by which limits counted a transaction, so that its reversal gives back what was counted and nothing
-- else; -1 where it is not known, as it is to a node of the version before.
alter table transactions add column tier smallint not null default -1;

-- What reverses or adjusts a transaction. One is reversed once.
create index transactions_reverses on transactions (reverses) where reverses is not null;
create unique index transactions_reversed_once on transactions (reverses) where type = 'reversal';

-- +goose Down
drop index transactions_reversed_once, transactions_reverses;
alter table transactions drop column tier;
