-- +goose Up

-- Events: who did what to whom, for what purpose and how it ended. They are kept for ever. seal is empty until the sealer has
-- the event in its chain, a second later.
create table audit_events (
    id          uuid primary key,
    at          timestamptz not null,
    seal        bigint check (seal > 0),
    actor       text        not null,
    action      text        not null,
    object      text        not null,
    outcome     text        not null,
    purpose     text        not null,
    policy      text        not null,
    channel     text        not null,
    correlation text        not null,
    detail      text        not null
);

create index audit_events_actor on audit_events (actor, id);
create index audit_events_object on audit_events (object, id);
create index audit_events_action on audit_events (action, id);
create index audit_events_seal on audit_events (seal) where seal is not null;
-- What waits for the sealer: a handful of rows.
create index audit_events_unsealed on audit_events (at, id) where seal is null;

-- Seals: each closes some events, in their order, and is chained to the one before. leaves are the events' hashes, 32 bytes
-- each, so that a proof can name the event that was changed.
create table audit_seals (
    number    bigint primary key check (number > 0),
    sealed_at timestamptz not null,
    events    uuid[]      not null check (cardinality(events) > 0),
    leaves    bytea       not null check (length(leaves) = 32 * cardinality(events)),
    hash      bytea       not null check (length(hash) = 32)
);

-- Where the chain stands. Only the sealer locks it, so that nobody who records an event waits for it.
create table audit_chain (
    one    boolean primary key default true check (one),
    number bigint not null default 0,
    hash   bytea  not null default ''
) with (fillfactor = 10);

insert into audit_chain default values;

-- An event takes its seal once; nothing else of it ever changes.
-- +goose StatementBegin
create function audit_fill_seal() returns trigger language plpgsql as $$
begin
    if old.seal is null and new.seal is not null then
        old.seal := new.seal;
        if old is not distinct from new then
            return new;
        end if;
    end if;
    raise exception 'audit_events is append-only: % refused', tg_op using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd

create trigger audit_events_fill before update on audit_events for each row execute function audit_fill_seal();
create trigger audit_events_stay before delete on audit_events for each row execute function refuse_change();
create trigger audit_events_stay_whole before truncate on audit_events for each statement execute function refuse_change();
create trigger audit_seals_stay before update or delete on audit_seals for each row execute function refuse_change();
create trigger audit_seals_stay_whole before truncate on audit_seals for each statement execute function refuse_change();

-- +goose Down
drop table audit_chain, audit_seals, audit_events;
drop function audit_fill_seal();
