-- name: claim_key
-- Touches no row where somebody else has the key; one that another transaction is claiming is waited for.
insert into idempotency_keys (digest, body, created_at) values ($1, $2, $3) on conflict (digest) do nothing;

-- name: stored_key
select body, coalesce(code, '') as code, coalesce(result, '') as result, created_at
from idempotency_keys where digest = $1;

-- name: keys_used
select exists (select from unnest($1::bytea[]) as u (digest)
    cross join lateral (select from idempotency_keys k where k.digest = u.digest limit 1) k);

-- name: settle_key
update idempotency_keys set code = $2, result = $3 where digest = $1;

-- name: store_keys
-- Sorted, so that two groups with the same keys wait for each other in one direction.
insert into idempotency_keys (digest, created_at, body, code, result)
select digest, $1::timestamptz, body, code, result
from unnest($2::bytea[], $3::bytea[], $4::text[], $5::text[]) as u (digest, body, code, result)
order by digest;

-- name: withdraw_key
insert into idempotency_keys (digest, created_at, body, code, result) values ($1, $2, $3, $4, '{}')
on conflict (digest) do nothing;

-- name: lock_nothing
-- In place of the credentials, where nobody keeps any; save_nothing likewise.
select ''::text as credentials where $1::uuid[] is not null;

-- name: save_nothing
update lanes set id = id where false;

-- name: lock_usual_state
-- lock_state for a group without holds, changes of transactions and reversals, which most groups are.
with b as materialized (
    select l.*
    from (select unnest($1::uuid[]) as account_id order by account_id) wanted cross join lateral (
        select * from balances b
        where b.account_id = wanted.account_id and (b.lane = $2::smallint or (b.lane = 0 and b.floor is not null))
        for no key update
    ) l
), r as materialized (
    select l.*
    from (select distinct receivable from b where receivable is not null order by receivable) wanted
    cross join lateral (
        select * from balances x where x.account_id = wanted.receivable and x.lane = 0 for no key update
    ) l
), c as materialized (
    select u.place, l.used
    from (
        select *
        from unnest($3::uuid[], $4::date[], $5::bigint[], $6::text[]) with ordinality
            as u (subject, window_start, window_kind, rule, place)
        order by subject, window_start, window_kind, rule
    ) u cross join lateral (
        select c.used from counters c
        where c.subject = u.subject and c.window_start = u.window_start and c.window_kind = u.window_kind
          and c.rule = u.rule
        for no key update
    ) l
)
select
    coalesce((select string_agg(concat_ws(' ', account_id, lane, currency, credit_normal::int, status, tier,
        coalesce(floor::text, '-'), posted, held, sequence, (extract(epoch from booked_at) * 1000000)::bigint,
        case when receivable is not null then concat_ws(' ', receivable, line_limit, line_fee_bps,
            coalesce((extract(epoch from line_until) * 1000000)::bigint::text, '-')) end), E'\n')
        from (select * from b union all select * from r) b), '') as balances,
    coalesce((select string_agg(concat_ws(' ', place, used), E'\n') from c), '') as counters,
    coalesce((select string_agg(concat_ws(' ', u.place, encode(k.body, 'hex'), (extract(epoch from k.created_at) * 1000000)::bigint,
        coalesce(k.code, ''), encode(convert_to(coalesce(k.result, ''), 'UTF8'), 'hex')), E'\n')
        from unnest($10::bytea[]) with ordinality as u (digest, place)
        cross join lateral (select * from idempotency_keys k where k.digest = u.digest limit 1) k), '') as keys,
    coalesce((select string_agg(intent_id::text, E'\n') from transactions where intent_id = any($7::uuid[])), '') as intents,
    coalesce((select string_agg(u.place::text, E'\n')
        from unnest($8::uuid[], $9::text[]) with ordinality as u (client_id, reference, place)
        cross join lateral (
            select 1 from transactions t
            where t.client_id = u.client_id and t.reference = u.reference and t.reference <> '' limit 1
        ) l), '') as client_references;

-- name: lock_state
-- Everything that a group decides by, locked in the one order: balances, holds, transactions, counters, sorted
-- within each (the subqueries run one after another, and a lateral one row by row). $2 is the writer's lane. Each part
-- comes as one text with a line a row, which costs either side a fraction of a row's protocol. Lateral subqueries
-- leave the planner no choice but to look up each row by its key, whatever it believes of the tables' sizes.
with b as materialized (
    select l.*
    from (
        select unnest($1::uuid[]) as account_id
        union
        select account_id from holds where id = any($11::uuid[])
        order by account_id
    ) wanted cross join lateral (
        select * from balances b
        where b.account_id = wanted.account_id and (b.lane = $2::smallint or (b.lane = 0 and b.floor is not null))
        for no key update
    ) l
), r as materialized (
    select l.*
    from (select distinct receivable from b where receivable is not null order by receivable) wanted
    cross join lateral (
        select * from balances x where x.account_id = wanted.receivable and x.lane = 0 for no key update
    ) l
), h as materialized (
    select l.*
    from (
        select unnest($11::uuid[]) as id
        union
        select id from holds where account_id = any($12::uuid[]) and status = 'active' and kind = 'withdrawal_code'
        order by id
    ) wanted cross join lateral (select * from holds h where h.id = wanted.id for no key update) l
), t as materialized (
    select l.*
    from (select unnest($13::uuid[]) as id order by id) wanted
    cross join lateral (select t.id, t.status, t.receipt from transactions t where t.id = wanted.id for no key update) l
), closed as materialized (
    select closed_through from periods where $15::boolean for share
), c as materialized (
    select u.place, l.used
    from (
        select *
        from unnest($3::uuid[], $4::date[], $5::bigint[], $6::text[]) with ordinality
            as u (subject, window_start, window_kind, rule, place)
        order by subject, window_start, window_kind, rule
    ) u cross join lateral (
        select c.used from counters c
        where c.subject = u.subject and c.window_start = u.window_start and c.window_kind = u.window_kind
          and c.rule = u.rule
        for no key update
    ) l
)
select
    coalesce((select string_agg(concat_ws(' ', account_id, lane, currency, credit_normal::int, status, tier,
        coalesce(floor::text, '-'), posted, held, sequence, (extract(epoch from booked_at) * 1000000)::bigint,
        case when receivable is not null then concat_ws(' ', receivable, line_limit, line_fee_bps,
            coalesce((extract(epoch from line_until) * 1000000)::bigint::text, '-')) end), E'\n')
        from (select * from b union all select * from r) b), '') as balances,
    coalesce((select string_agg(concat_ws(' ', id, account_id, minor, captured, status, code_version,
        coalesce(encode(code_hash, 'hex'), '-'), tries, fee, (extract(epoch from expires_at) * 1000000)::bigint, kind), E'\n')
        from h), '') as holds,
    coalesce((select string_agg(concat_ws(' ', id, status, receipt), E'\n') from t), '') as changes,
    coalesce((select string_agg(concat_ws(' ', place, used), E'\n') from c), '') as counters,
    coalesce((select string_agg(concat_ws(' ', u.place, encode(k.body, 'hex'), (extract(epoch from k.created_at) * 1000000)::bigint,
        coalesce(k.code, ''), encode(convert_to(coalesce(k.result, ''), 'UTF8'), 'hex')), E'\n')
        from unnest($10::bytea[]) with ordinality as u (digest, place)
        cross join lateral (select * from idempotency_keys k where k.digest = u.digest limit 1) k), '') as keys,
    coalesce((select string_agg(intent_id::text, E'\n') from transactions where intent_id = any($7::uuid[])), '') as intents,
    coalesce((select string_agg(u.place::text, E'\n')
        from unnest($8::uuid[], $9::text[]) with ordinality as u (client_id, reference, place)
        cross join lateral (
            select 1 from transactions t
            where t.client_id = u.client_id and t.reference = u.reference and t.reference <> '' limit 1
        ) l), '') as client_references,
    coalesce((select string_agg(reverses::text, E'\n') from postings where reverses = any($14::uuid[])), '') as reversed,
    coalesce((select to_char(closed_through, 'YYYY-MM-DD') from closed), '') as closed_through;

-- name: add_lane_balances
-- The lane's own row of floorless accounts, as lane 0 has them. Lane 0 is locked, so that a change of status, which
-- goes to all rows, does not miss the new one.
insert into balances (account_id, floor, booked_at, lane, tier, credit_normal, currency, status)
select account_id, floor, booked_at, $2::smallint, tier, credit_normal, currency, status
from (
    select * from balances where account_id = any($1::uuid[]) and lane = 0 and floor is null
    order by account_id for key share
) as zero
on conflict do nothing;

-- name: write_balances
-- Only rows that are as the group read them. Here and in the other updates the condition on the array itself looks
-- redundant: it makes every plan look up the rows by their key first, in the key's order, whatever the planner
-- believes of the table's size.
update balances b
set posted = u.posted, held = u.held, sequence = u.sequence, booked_at = u.booked_at
from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::uuid[])
    as u (account_id, lane, posted, held, sequence, booked_at, read_held, read_sequence, tier, status, receivable)
where b.account_id = any($1) and b.account_id = u.account_id and b.lane = u.lane
  and b.sequence = u.read_sequence and b.held = u.read_held and b.tier = u.tier and b.status = u.status
  and b.receivable is not distinct from u.receivable;

-- name: write_postings
insert into postings (id, reverses, seal, booked_at, value_date, lane, place, currency, narration, reference, metadata)
select id, reverses, $1::bigint, booked_at, value_date, $2::smallint, place, currency, narration, reference, metadata
from unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::date[], $7::bigint[], $8::text[], $9::text[], $10::text[],
        $11::text[])
    as u (id, reverses, booked_at, value_date, place, currency, narration, reference, metadata);

-- name: write_seal
-- No row for a group without postings.
insert into seals (lane, seal, sealed_at, postings, root, hash)
select $1::smallint, $2::bigint, $3::timestamptz, $4::smallint, $5::bytea, $6::bytea where $4 > 0;

-- name: write_entries
insert into entries (account_id, posting_id, sequence, minor, balance_after, booked_at, lane, line, credit)
select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
    $7::bigint[], $8::bigint[], $9::boolean[]);

-- name: change_holds
-- Only active holds have anything to change.
update holds h
set captured = u.captured, status = u.status, tries = u.tries,
    code_hash = case when u.status = 'active' then h.code_hash end,
    code_sealed = case when u.status = 'active' then h.code_sealed end,
    ended_at = case when u.status <> 'active' then $1::timestamptz end
from unnest($2::uuid[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[]) as u (id, captured, status, tries, read_tries)
where h.id = any($2) and h.id = u.id and h.status = 'active' and h.tries = u.read_tries;

-- name: write_holds
insert into holds (id, account_id, minor, captured, fee, created_at, expires_at, code_version, tries, kind, status,
    code_hash, code_sealed, reason, metadata)
select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::timestamptz[],
    $7::timestamptz[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::bytea[], $13::bytea[], $14::text[],
    $15::text[]);

-- name: make_counters
insert into counters (subject, window_start, window_kind, rule, used)
select * from unnest($1::uuid[], $2::date[], $3::bigint[], $4::text[], $5::bigint[]);

-- name: write_counters
update counters c
set used = u.used
from unnest($1::uuid[], $2::date[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
    as u (subject, window_start, window_kind, rule, used, read_used)
where c.subject = any($1) and c.window_start = any($2) and c.subject = u.subject and c.window_start = u.window_start
  and c.window_kind = u.window_kind and c.rule = u.rule and c.used = u.read_used;

-- name: pass_lane
-- The fence: it touches no row when the lane was leased to somebody else.
update lanes
set groups = $3::bigint, seal = $4::bigint, sealed = $4, head = $7::bytea, receipt_next = $5::bigint,
    leased_until = case when $6::bigint > 0 then clock_timestamp() + $6 * interval '1 microsecond' else leased_until end
where id = $1::smallint and epoch = $2::bigint and groups = $3 - 1;

-- name: lease_lane
-- Lanes with nothing left to seal first: a worker seals the others.
update lanes
set epoch = epoch + 1, holder = $1, leased_until = clock_timestamp() + $2::bigint * interval '1 microsecond'
where id = (
    select id from lanes where id > 0 and leased_until < clock_timestamp()
    order by seal > sealed, id limit 1 for update skip locked)
returning id, epoch, groups, seal, sealed, head, receipt_next, receipt_end;

-- name: free_lane
update lanes set leased_until = '-infinity' where id = $1 and epoch = $2;

-- name: renew_lane
update lanes set leased_until = clock_timestamp() + $3::bigint * interval '1 microsecond' where id = $1 and epoch = $2;

-- name: lane
select id, epoch, groups, seal, sealed, head, receipt_next, receipt_end from lanes where id = $1 for update;

-- name: head_lane
update lanes
set sealed = $2, head = $3,
    leased_until = case when $4::bigint > 0 then clock_timestamp() + $4 * interval '1 microsecond' else leased_until end
where id = $1;

-- name: write_seals
insert into seals (lane, seal, sealed_at, postings, root, hash)
select $1::smallint, seal, sealed_at, postings, root, hash
from unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::bytea[], $6::bytea[]) as u (seal, sealed_at, postings, root, hash);

-- name: unsealed_lane
select id, epoch, groups, seal, sealed, head, receipt_next, receipt_end
from lanes
where seal > sealed and leased_until < clock_timestamp()
order by id limit 1 for update skip locked;

-- name: leaves
-- The hashes of some groups' postings, as appendLeaf makes them, in their places; the group's time is that of its first
-- posting. breach names a posting that does not balance, or whose entries are not of its time and currency. Microseconds
-- as a double are exact for two centuries, and cost a tenth of what a numeric does.
with p as materialized (
    select * from postings where lane = $1 and seal > $2 and seal <= $3
), t as (
    -- Ids are made in the order of time, so a stretch of postings has a stretch of transactions, and not all of them.
    select id, receipt from transactions
    where id >= (select id from p order by id limit 1) and id <= (select id from p order by id desc limit 1)
), e as (
    select e.posting_id, count(*) as entries, min(e.booked_at) as since, max(e.booked_at) as until,
           sum(case when e.credit then e.minor else -e.minor end) as net,
           string_agg(E'\n' || e.account_id || ' ' || e.lane || ' ' || e.sequence ||
               case when e.credit then ' C ' else ' D ' end || e.minor || ' ' || e.balance_after, '') as lines
    from (
        select * from entries e
        where e.booked_at >= (select min(booked_at) from p) and e.booked_at <= (select max(booked_at) from p)
          and e.posting_id in (select id from p)
        order by e.posting_id, e.line -- sorted at once: an order in the aggregate would sort each posting by itself
    ) e
    group by e.posting_id
)
select p.seal, min(p.booked_at) as sealed_at, coalesce(sum(e.entries), 0)::bigint as entries,
       coalesce(min(p.id::text) filter (where e.entries is null or e.entries < 2 or e.net <> 0
           or e.since <> p.booked_at or e.until <> p.booked_at), '') as breach,
       coalesce(string_agg(p.id::text, ' ' order by p.place) filter (where p.place < 5), '') as postings,
       string_agg(sha256('\x00'::bytea || convert_to(concat(p.id, ' ', p.reverses, ' ',
           (date_part('epoch', p.booked_at) * 1000000)::bigint, ' ', to_char(p.value_date, 'YYYY-MM-DD'), ' ', p.currency, ' ',
           t.receipt, ' ', octet_length(p.narration), ':', p.narration, ' ', octet_length(p.reference), ':', p.reference, ' ',
           octet_length(coalesce(p.metadata, '')), ':', p.metadata, e.lines), 'UTF8')), ''::bytea order by p.place) as leaves
from p left join t on t.id = p.id left join e on e.posting_id = p.id
group by p.seal
order by p.seal;

-- name: take_receipts
update receipt_blocks set next_at = next_at + $1 returning next_at;

-- name: give_receipts
update lanes set receipt_next = $3, receipt_end = $4 where id = $1 and epoch = $2;

-- name: lock_timeout
select set_config('lock_timeout', $1, true);

-- name: open_account
insert into accounts (id, opened_at, currency, owner_kind, owner_id, product, name, opened_by, metadata)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: open_balance
insert into balances (account_id, floor, booked_at, tier, credit_normal, currency, status)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: set_status
update balances set status = $2 where account_id = $1 and status <> 'closed';

-- name: set_tier
update balances set tier = $2 where account_id = $1;

-- name: set_overdraft
-- Both accounts are people's, and of one currency.
update balances b
set receivable = $2, line_limit = $3, line_fee_bps = $4, line_until = $5
from accounts a, accounts r, balances owed
where b.account_id = $1 and b.lane = 0 and b.floor is not null and (b.receivable is null or b.receivable = $2)
  and a.id = b.account_id and r.id = $2 and r.product = 'overdraft_receivable' and r.currency = a.currency
  and owed.account_id = r.id and owed.lane = 0 and owed.floor = 0;

-- name: account_known
select exists (select from accounts where id = $1);

-- name: overdraft
select receivable, line_limit, line_fee_bps, line_until
from balances where account_id = $1 and lane = 0 and receivable is not null;

-- name: accounts
select a.id, a.owner_kind, a.owner_id, a.product, a.currency, a.name, a.opened_by, a.metadata, a.opened_at,
       b.status, b.tier, b.floor
from accounts a join balances b on b.account_id = a.id and b.lane = 0
where a.id = any($1::uuid[]);

-- name: account_of
select a.id, a.owner_kind, a.owner_id, a.product, a.currency, a.name, a.opened_by, a.metadata, a.opened_at,
       b.status, b.tier, b.floor
from accounts a join balances b on b.account_id = a.id and b.lane = 0
where a.owner_kind = $1 and a.owner_id = $2 and a.product = $3 and a.currency = $4 and a.opened_by = 'nova';

-- name: balances
-- overdraft is what the line still gives at $2, and 0 where there is none.
select b.account_id, min(b.currency) as currency, min(b.status) as status, min(b.floor) as floor,
       sum(b.posted)::bigint as posted, sum(b.held)::bigint as held, sum(b.sequence)::bigint as sequence,
       max(b.booked_at) as booked_at,
       coalesce(max(greatest(b.line_limit - owed.posted, 0))
           filter (where b.line_until is null or b.line_until > $2), 0)::bigint as overdraft
from balances b
left join balances owed on owed.account_id = b.receivable and owed.lane = 0
where b.account_id = any($1::uuid[])
group by b.account_id;

-- name: entries_before
select account_id, posting_id, lane, sequence, credit, minor, balance_after, booked_at
from entries where account_id = $1 and lane = $2 and sequence < $3
order by sequence desc limit $4;

-- name: entries_after
select account_id, posting_id, lane, sequence, credit, minor, balance_after, booked_at
from entries where account_id = $1 and lane = $2 and sequence > $3
order by sequence limit $4;

-- name: entries_of
select account_id, posting_id, lane, sequence, credit, minor, balance_after, booked_at
from entries
where booked_at = (select booked_at from postings where id = $1) and posting_id = $1
order by line;

-- name: balances_before
-- An account's lanes as they stood before a time: the last sequence and the balance after it. Sequences and times of a
-- lane run together, so the last one is found by halving, in as many look-ups as its number has bits. The times at both
-- ends narrow with it, and with them the months that are looked into.
with recursive search as (
    select lane, 0::bigint as low, sequence as high, '-infinity'::timestamptz as since, booked_at as until
    from balances where account_id = $1
    union all
    select s.lane, case when e.booked_at < $2 then m.middle else s.low end,
           case when e.booked_at < $2 then s.high else m.middle - 1 end,
           case when e.booked_at < $2 then e.booked_at else s.since end,
           case when e.booked_at < $2 then s.until else e.booked_at end
    from search s
    cross join lateral (select (s.low + s.high + 1) / 2 as middle) m
    cross join lateral (
        select booked_at from entries
        where account_id = $1 and sequence = m.middle and lane = s.lane and booked_at between s.since and s.until
    ) e
    where s.low < s.high
)
select s.lane, s.low as sequence, coalesce(e.balance_after, 0) as posted
from search s
left join lateral (
    select balance_after from entries
    where account_id = $1 and sequence = s.low and lane = s.lane and booked_at between s.since and s.until
) e on true
where s.low = s.high
order by s.lane;

-- name: held_before
select coalesce(sum(minor), 0)::bigint
from holds
where account_id = $1 and created_at < $2 and (ended_at >= $2 or ended_at is null and status = 'active');

-- name: statement
select e.account_id, e.posting_id, e.lane, e.sequence, e.credit, e.minor, e.balance_after, e.booked_at,
       p.narration, p.reference, p.value_date, t.id as transaction_id
from entries e
join postings p on p.id = e.posting_id
left join transactions t on t.id = p.id
where e.account_id = $1 and e.lane = $2 and e.sequence > $3 and e.sequence <= $4
order by e.sequence limit $5;

-- name: posting
select p.id, p.reverses, r.id as reversed_by, p.lane, p.seal, p.place, p.booked_at, p.value_date, p.currency,
       p.narration, p.reference, coalesce(p.metadata, '') as metadata, coalesce(t.receipt, '') as receipt
from postings p
left join postings r on r.reverses = p.id
left join transactions t on t.id = p.id
where p.id = $1;

-- name: lock_periods
select coalesce(to_char(closed_through, 'YYYY-MM-DD'), '') from periods for update;

-- name: day_figures
-- The postings of a day by currency. None of them is booked before the day begins ($2). The sums are of Nova's own people
-- and books: a client's accounts hold whatever it says.
select p.currency, count(distinct p.id) as postings, count(*) as entries,
       coalesce(sum(e.minor) filter (where not e.credit and a.opened_by = 'nova'), 0)::bigint as debits,
       coalesce(sum(e.minor) filter (where e.credit and a.opened_by = 'nova'), 0)::bigint as credits
from entries e
join postings p on p.id = e.posting_id
join accounts a on a.id = e.account_id
where e.booked_at >= $2 and p.value_date = $1
group by p.currency;

-- name: product_totals
-- What the accounts of Nova's own people and books held before a time, by product.
with later as (
    select e.account_id, e.lane, sum(case when e.credit = b.credit_normal then e.minor else -e.minor end) as net
    from entries e join balances b on b.account_id = e.account_id and b.lane = e.lane
    where e.booked_at >= $1
    group by e.account_id, e.lane
)
select a.currency, a.product, (sum(b.posted) - coalesce(sum(l.net), 0))::bigint as total
from balances b
join accounts a on a.id = b.account_id
left join later l on l.account_id = b.account_id and l.lane = b.lane
where a.opened_by = 'nova'
group by a.currency, a.product;

-- name: close_day
insert into closed_days (day, closed_at, postings, entries, closed_by, figures, hash) values ($1, $2, $3, $4, $5, $6, $7);

-- name: close_through
update periods set closed_through = $1;

-- name: closed_days
select to_char(day, 'YYYY-MM-DD') as day, closed_at, postings, entries, closed_by, figures, hash
from closed_days order by day desc limit $1;

-- name: hold
select id, account_id, kind, minor, captured, status, fee, code_sealed, tries, reason, metadata, created_at, expires_at
from holds where id = $1;

-- name: live_hold
select id, account_id, kind, minor, captured, status, fee, code_sealed, tries, reason, metadata, created_at, expires_at
from holds where account_id = $1 and kind = $2 and status = 'active' and expires_at > $3
order by created_at desc limit 1;

-- name: due_holds
select id from holds where status = 'active' and expires_at <= $1 order by expires_at, id limit $2;

-- name: make_month
select entries_make_month($1::date);

-- name: used
-- How far counters stand, in the order asked for.
select coalesce(c.used, 0) as used
from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[]) with ordinality
    as u (subject, rule, window_kind, window_start, place)
left join counters c on c.subject = u.subject and c.rule = u.rule and c.window_kind = u.window_kind
    and c.window_start = u.window_start::date
order by u.place;

-- name: summarize
select entries_summarize($1::date);

-- name: check_plans
-- The checks read whole tables: joining them row by row, as a planner may choose that has no statistics yet, takes
-- hours where hashing takes seconds; and a pool of look-ups may have been told to read none.
select set_config('enable_nestloop', 'off', true) || set_config('enable_seqscan', 'on', true) ||
       set_config('work_mem', '128MB', true);

-- name: check_orphans
select 'entry ' || e.sequence || ' of account ' || e.account_id || ' has no posting or no balance'
from entries e left join postings p on p.id = e.posting_id
left join balances b on b.account_id = e.account_id and b.lane = e.lane
where p.id is null or b.account_id is null or b.currency <> p.currency or p.booked_at <> e.booked_at
limit 1;

-- name: check_entries
-- Every entry follows from the one before, time does not run backwards, and the last one is what the balance says.
select 'account ' || account_id || ' lane ' || lane || case
           when entry is null then ': posted ' || posted || ' in ' || total || ' entries that are not there'
           else ': entry ' || entry || ' leaves ' || balance_after || ', of ' || total || ' that leave ' || posted end
from (
    select b.account_id, b.lane, b.posted, b.sequence as total, b.booked_at as balance_booked, b.credit_normal,
           e.sequence as entry, e.balance_after, e.booked_at, e.credit, e.minor,
           lag(e.sequence) over w as last_sequence, lag(e.balance_after) over w as last_balance,
           lag(e.booked_at) over w as last_booked, lead(e.sequence) over w is null as last
    from balances b left join entries e on e.account_id = b.account_id and e.lane = b.lane
    window w as (partition by b.account_id, b.lane order by e.sequence)
) e
where entry is null and (posted <> 0 or total <> 0)
   or entry <> coalesce(last_sequence, 0) + 1
   or balance_after <> coalesce(last_balance, 0) + case when credit = credit_normal then minor else -minor end
   or booked_at < last_booked
   or last and entry is not null and (entry <> total or balance_after <> posted or booked_at <> balance_booked)
limit 1;

-- name: check_floors
select 'account ' || account_id || ' has ' || posted || ' - ' || held || ' under its floor ' || floor
from balances where floor is not null and posted - held < floor
limit 1;

-- name: check_holds
select 'account ' || b.account_id || ': held ' || b.held || ', active holds say ' || coalesce(h.total, 0)
from (select account_id, sum(held) as held from balances group by account_id) b
left join (select account_id, sum(minor) as total from holds where status = 'active' group by account_id) h
    on h.account_id = b.account_id
where b.held <> coalesce(h.total, 0)
limit 1;

-- name: check_places
select 'lane ' || lane || ' seal ' || seal || ': ' || n || ' postings in places up to ' || last
from (select lane, seal, count(*) as n, max(place) as last, min(place) as first from postings group by lane, seal) p
where n <> last + 1 or first <> 0 or seal < 1 or seal > coalesce((select seal from lanes where id = p.lane), 0)
union all
select 'lane ' || s.lane || ' seal ' || s.seal || ' closes no group'
from seals s join lanes l on l.id = s.lane where s.seal > l.sealed
limit 1;

-- name: check_facts
select 'transaction ' || t.id || ' moved money, and has no posting'
from transactions t left join postings p on p.id = t.id
where t.posted_at is not null and p.id is null
limit 1;

-- name: check_keys
select 'key ' || encode(digest, 'hex') || ' was claimed and has no outcome'
from idempotency_keys where code is null or result is null
limit 1;

-- name: check_days
-- The books are closed through the last of the closed days, and these have no gap.
select 'closed through ' || coalesce(p.closed_through::text, 'no day') || ', with ' || d.n || ' days from ' ||
       coalesce(d.first::text, '-') || ' to ' || coalesce(d.last::text, '-')
from periods p, (select count(*) as n, min(day) as first, max(day) as last from closed_days) d
where p.closed_through is distinct from d.last or d.n > 0 and d.n <> d.last - d.first + 1;

-- name: check_figures
select (select count(*) from accounts) as accounts, (select count(*) from postings) as postings,
       (select count(*) from entries) as entries, (select count(*) from seals) as seals;

-- name: one_moment
set transaction isolation level repeatable read;

-- name: lane_heads
select id, seal, sealed, head from lanes where seal > 0 or sealed > 0 order by id;

-- name: check_heads
-- The first head of a checkpoint whose seal is another one in the books, or not there.
select 'lane ' || c.lane || ' seal ' || c.seal || case when s.seal is null then ' is gone: a checkpoint has it'
    else ' was rewritten: a checkpoint has another' end
from unnest($1::bigint[], $2::bigint[], $3::bytea[]) as c (lane, seal, hash)
left join seals s on s.lane = c.lane and s.seal = c.seal
where s.hash is distinct from c.hash
order by c.lane, c.seal
limit 1;

-- name: posting_of_receipt
select p.id from transactions t join postings p on p.id = t.id where t.receipt = $1;

-- name: seals
select seal, sealed_at, postings, root, hash from seals where lane = $1 and seal > $2 and seal <= $3 order by seal;

