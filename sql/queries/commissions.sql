-- name: earned
-- What was taken back by a reversal is a debit, and counts against what came in.
select coalesce(sum(case when credit then minor else -minor end) filter (where booked_at >= $2), 0)::bigint as today,
       coalesce(sum(case when credit then minor else -minor end), 0)::bigint as month
from entries where account_id = $1 and booked_at >= $3;
