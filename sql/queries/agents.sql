-- name: operator
select o.id, o.msisdn, o.name, o.role, o.language, o.status,
       u.id as outlet_id, u.code as outlet_code, u.name as outlet_name, u.time_zone, u.status as outlet_status,
       a.id as agent_id, a.code, a.type, a.legal_name, a.trading_name, a.parent_id, a.status as agent_status,
       a.float_account, a.commission_account
from operators o
join outlets u on u.id = o.outlet_id
join agents a on a.id = u.agent_id
where o.msisdn = $1 or o.id = $2;

-- name: agent
select id as agent_id, code, type, legal_name, trading_name, parent_id, status as agent_status,
       float_account, commission_account
from agents where code = $1;

-- name: agents
select id as agent_id, code, type, legal_name, trading_name, parent_id, status as agent_status,
       float_account, commission_account
from agents where id = any($1::uuid[]);

-- name: outlet
select id, agent_id, code, name, time_zone, status from outlets where code = $1;

-- name: merchant
select id, till, name, status, account_id from merchants where till = $1 or id = $2;

-- name: set_language
update operators set language = $2, updated_at = $3 where id = $1;

-- name: insert_agent
insert into agents (id, code, type, legal_name, trading_name, parent_id, float_account, commission_account, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9);

-- name: insert_outlet
insert into outlets (id, agent_id, code, name, time_zone, created_at)
values ($1, $2, $3, $4, $5, $6);

-- name: insert_operator
insert into operators (id, outlet_id, msisdn, name, role, language, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $7);

-- name: insert_merchant
insert into merchants (id, till, name, account_id, created_at, updated_at)
values ($1, $2, $3, $4, $5, $5);

-- name: set_agent_status
update agents set status = $2, updated_at = $3 where id = $1 and status <> 'closed';

-- name: set_outlet_status
-- An outlet keeps no time of its change; the record does.
update outlets set status = $2 where id = $1 and status <> 'closed' and $3::timestamptz is not null;

-- name: set_operator_status
update operators set status = $2, updated_at = $3 where id = $1 and status <> 'closed';

-- name: set_merchant_status
update merchants set status = $2, updated_at = $3 where id = $1 and status <> 'closed';

-- name: operators_under
select o.id
from operators o
join outlets u on u.id = o.outlet_id
where $1 in (u.agent_id, u.id, o.id) and o.id > $2
order by o.id
limit $3;

-- name: operators_of
-- Those who serve people at each of some agents, owners first, so many of each. The lateral subquery looks up each
-- agent by its key, whatever the planner believes of the tables' sizes.
select l.*
from unnest($1::uuid[]) as wanted (id)
cross join lateral (
    select o.id, o.msisdn, o.name, o.role, o.language, o.status,
           u.id as outlet_id, u.code as outlet_code, u.name as outlet_name, u.time_zone, u.status as outlet_status,
           a.id as agent_id, a.code, a.type, a.legal_name, a.trading_name, a.parent_id, a.status as agent_status,
           a.float_account, a.commission_account
    from operators o
    join outlets u on u.id = o.outlet_id
    join agents a on a.id = u.agent_id
    where a.id = wanted.id and o.status = 'active' and u.status = 'active' and o.role <> 'viewer'
    order by array_position(array['owner', 'manager', 'cashier'], o.role), o.created_at
    limit $2
) l;
