-- name: record
insert into audit_events (id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail)
select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[])
on conflict (id) do nothing;

-- name: by_actor
select id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where actor = $1 and ($2 = '' or object = $2) and ($3 = '' or action = $3)
  and id >= $4 and id < $5 and at >= $6 and at < $7
order by id desc limit $8;

-- name: by_object
select id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where object = $2 and ($1 = '' or actor = $1) and ($3 = '' or action = $3)
  and id >= $4 and id < $5 and at >= $6 and at < $7
order by id desc limit $8;

-- name: by_action
select id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where action = $3 and ($1 = '' or actor = $1) and ($2 = '' or object = $2)
  and id >= $4 and id < $5 and at >= $6 and at < $7
order by id desc limit $8;

-- name: by_time
select id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where ($1 = '' or actor = $1) and ($2 = '' or object = $2) and ($3 = '' or action = $3)
  and id >= $4 and id < $5 and at >= $6 and at < $7
order by id desc limit $8;

-- name: lock_chain
-- No row while another node is at it.
select number, hash from audit_chain for update skip locked;

-- name: seal_plans
-- What waits is read along its index: a planner without statistics sorts all of it for each seal, however much has piled up.
select set_config('enable_sort', 'off', true) || set_config('enable_bitmapscan', 'off', true);

-- name: chain
select number, hash from audit_chain;

-- name: unsealed
select id, at, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where seal is null
order by at, id limit $1;

-- name: write_seal
insert into audit_seals (number, sealed_at, events, leaves, hash) values ($1, $2, $3, $4, $5);

-- name: fill_seal
update audit_events set seal = $1 where id = any($2);

-- name: move_chain
update audit_chain set number = $1, hash = $2 where number = $1 - 1;

-- name: one_moment
set transaction isolation level repeatable read, read only;

-- name: seals
select number, sealed_at, array_to_string(events, ' ') as events, leaves, hash
from audit_seals
where number > $1
order by number limit $2;

-- name: sealed_events
-- What the events of some seals are now: those that bear their numbers, and those that the seals name.
select id, at, coalesce(seal, 0) as seal, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where seal between $1 and $2
union
select id, at, coalesce(seal, 0) as seal, actor, action, object, outcome, purpose, policy, channel, correlation, detail
from audit_events
where id = any($3);

-- name: stray
-- An event that bears the number of no seal.
select id from audit_events where seal > $1 order by seal, at, id limit 1;

-- name: waiting
select count(*) as waiting, min(at) as since from audit_events where seal is null;

-- name: seal_hashes
select number, hash from audit_seals where number = any($1);
