-- name: credential
select subject_kind, subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, changed_at, must_change,
    reset_until, reset_at
from credentials where subject_id = $1;

-- name: lock_credentials
-- As one text with a line a row and words between spaces, so that the ledger can send it beside its own locks.
with locked as materialized (
    select * from credentials where subject_id = any($1::uuid[]) order by subject_id for update
)
select coalesce(string_agg(concat_ws(' ', subject_kind, subject_id, encode(sealed, 'hex'), encode(salt, 'hex'),
    pepper_version, kek_key, wrong, coalesce((extract(epoch from locked_until) * 1000000)::bigint::text, '-'),
    (extract(epoch from changed_at) * 1000000)::bigint), E'\n'), '') as credentials
from locked;

-- name: save_credentials
-- Only rows that are as they were read.
update credentials c
set sealed = u.sealed, salt = u.salt, pepper_version = u.pepper_version, kek_key = u.kek_key,
    wrong = u.wrong, locked_until = u.locked_until
from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[],
        $8::bigint[], $9::bigint[], $10::timestamptz[])
    as u (subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, read_wrong, read_kek, changed_at)
where c.subject_id = any($1) and c.subject_id = u.subject_id and c.wrong = u.read_wrong and c.kek_key = u.read_kek
  and c.changed_at = u.changed_at;

-- name: set_credential
insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at, must_change)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (subject_id) do update
set sealed = excluded.sealed, salt = excluded.salt, pepper_version = excluded.pepper_version,
    kek_key = excluded.kek_key, wrong = 0, locked_until = null, changed_at = excluded.changed_at,
    must_change = excluded.must_change, reset_until = null;

-- name: reset_credential
-- A new PIN where support has opened a reset, and nowhere else.
update credentials
set sealed = $2, salt = $3, pepper_version = $4, kek_key = $5, wrong = 0, locked_until = null, changed_at = $6,
    must_change = false, reset_until = null, reset_at = $6
where subject_id = $1 and reset_until > $6;

-- name: open_reset
update credentials set reset_until = $2 where subject_id = $1 and subject_kind = $3;

-- name: unlock
update credentials set wrong = 0, locked_until = null where subject_id = $1 and subject_kind = $2;

-- name: untold_locks
select subject_kind, subject_id, locked_until
from credentials
where locked_until is not null and locked_until is distinct from lock_told and subject_kind <> 'decoy'
order by locked_until limit $1
for update skip locked;

-- name: tell_locks
update credentials set lock_told = locked_until where subject_id = any($1::uuid[]);

-- name: keep_pin
insert into pin_history (subject_id, id, sealed, salt, pepper_version, kek_key, replaced_at)
select subject_id, $2, sealed, salt, pepper_version, kek_key, $3 from credentials where subject_id = $1;

-- name: forget_pins
-- All but the newest so many.
delete from pin_history where subject_id = $1 and id in (
    select id from pin_history where subject_id = $1 order by replaced_at desc, id desc offset $2
);

-- name: pins_before
select subject_id, sealed, salt, pepper_version, kek_key from pin_history where subject_id = $1
order by replaced_at desc, id desc limit $2;

-- name: history_wrapped_before
select subject_id, id, sealed, salt, pepper_version, kek_key from pin_history where kek_key <> $1
order by subject_id, id limit $2
for update skip locked;

-- name: rewrap_pin
update pin_history set sealed = $3, kek_key = $4 where subject_id = $1 and id = $2;

-- name: drop_pin
delete from pin_history where subject_id = $1 and id = $2;

-- name: add_credential
insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (subject_id) do nothing;

-- name: wrapped_before
-- Who is just being compared is passed over: the next round finds them.
select subject_kind, subject_id, sealed, salt, pepper_version, kek_key, wrong, locked_until, changed_at
from credentials where kek_key <> $1
order by subject_id
limit $2
for update skip locked;

-- name: client
select id, name, secret_hash, secret_version, scopes, purposes, status, previous_hash, previous_version, previous_until,
    created_at, rotated_at, revoked_at, last_used_at
from clients where name = $1 or id = $2
limit 1;

-- name: clients_after
select id, name, secret_hash, secret_version, scopes, purposes, status, previous_hash, previous_version, previous_until,
    created_at, rotated_at, revoked_at, last_used_at
from clients where name > $1 order by name limit $2;

-- name: rotate_client
-- The secret before becomes the previous one for a while; the one before that is over at once.
update clients
set previous_hash = secret_hash, previous_version = secret_version, previous_until = $4, secret_hash = $2,
    secret_version = $3, rotated_at = $5
where id = $1 and status = 'active';

-- name: revoke_client
update clients
set status = 'revoked', revoked_at = $2, previous_hash = null, previous_version = null, previous_until = null
where id = $1 and status = 'active';

-- name: use_client
-- Written now and then: a client that signs in each second is not written each second.
update clients set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $3);

-- name: rehash_client
-- Moves the secret to another pepper, unless it was rotated meanwhile.
update clients set secret_hash = $2, secret_version = $3 where id = $1 and secret_hash = $4;

-- name: insert_client
insert into clients (id, name, secret_hash, secret_version, scopes, purposes, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (name) do nothing;

-- name: add_decoy
-- One that older keys made is made anew: nobody's right PIN will move it.
insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
values ('decoy', $1, $2, $3, $4, $5, $6)
on conflict (subject_id) do update
set sealed = excluded.sealed, salt = excluded.salt, pepper_version = excluded.pepper_version, kek_key = excluded.kek_key,
    changed_at = excluded.changed_at
where credentials.pepper_version <> excluded.pepper_version or credentials.kek_key <> excluded.kek_key;

-- name: insert_sign_in
insert into sign_ins (id, subject_kind, subject_id, device, channel, aal, amr, created_at, used_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9);

-- name: lock_sign_in
select id, subject_kind, subject_id, device, channel, aal, amr, created_at, used_at, expires_at, revoked_at
from sign_ins where id = $1 for update;

-- name: touch_sign_in
update sign_ins set used_at = $2 where id = $1;

-- name: revoke_sign_in
update sign_ins set revoked_at = $2, reason = $3 where id = $1 and revoked_at is null;

-- name: revoke_own
update sign_ins set revoked_at = $4, reason = $5
where id = $1 and subject_id = $2 and subject_kind = $3 and revoked_at is null and expires_at > $4;

-- name: revoke_subject
-- All families of a subject but one.
update sign_ins set revoked_at = $2, reason = $3
where subject_id = $1 and revoked_at is null and id <> $4
returning id;

-- name: revoke_device
update sign_ins set revoked_at = $3, reason = $4
where subject_id = $1 and device = $2 and revoked_at is null
returning id;

-- name: revoke_excess
-- All but the newest so many families.
update sign_ins set revoked_at = $3, reason = $4
where revoked_at is null and id in (
    select id from sign_ins where subject_id = $1 and revoked_at is null and expires_at > $3
    order by created_at desc, id desc offset $2
)
returning id;

-- name: revoked_since
-- Whatever a token may name that is revoked since, at most so many.
(select id from sign_ins where revoked_at > $1)
union all
(select id from clients where revoked_at > $1)
limit $2;

-- name: revoked_of
select exists (select 1 from sign_ins where id = any($1::uuid[]) and revoked_at is not null)
    or exists (select 1 from clients where id = any($1::uuid[]) and revoked_at is not null);

-- name: insert_refresh
insert into refresh_tokens (hash, sign_in, issued_at, expires_at) values ($1, $2, $3, $4);

-- name: refresh_token
select t.sign_in, t.expires_at, t.used_at, f.subject_kind, f.subject_id
from refresh_tokens t join sign_ins f on f.id = t.sign_in
where t.hash = $1;

-- name: use_refresh
update refresh_tokens set used_at = $2 where hash = $1 and used_at is null and expires_at > $2;

-- name: sign_ins_of
select id, subject_kind, subject_id, device, channel, aal, amr, created_at, used_at, expires_at, revoked_at
from sign_ins where subject_id = $1 and revoked_at is null and expires_at > $2
order by created_at desc, id desc limit $3;

-- name: live_device
select exists (select 1 from devices where subject_id = $1 and device = $2 and unbound_at is null);

-- name: count_otp_send
insert into otp_sends (who, window_from, sent, last_at) values ($1, $2, 1, $2)
on conflict (who) do update
set window_from = case when otp_sends.window_from <= $3 then $2 else otp_sends.window_from end,
    sent = case when otp_sends.window_from <= $3 then 1 else otp_sends.sent + 1 end,
    last_at = $2
where otp_sends.last_at <= $4 and (otp_sends.window_from <= $3 or otp_sends.sent < $5);

-- name: otp_send
select window_from, sent, last_at from otp_sends where who = $1;

-- name: end_otps
-- A newer code ends those before it.
update otps set code_hash = null where subject_id = $1 and purpose = $2 and code_hash is not null
returning notice_id;

-- name: insert_otp
insert into otps (id, purpose, subject_kind, subject_id, object, code_hash, key_version, notice_id, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: lock_otp
select id, purpose, subject_kind, subject_id, object, code_hash, key_version, tries, notice_id, expires_at,
    token_expires_at, spent_at
from otps where id = $1 for update;

-- name: lock_otp_of_token
select id, purpose, subject_kind, subject_id, object, code_hash, key_version, tries, notice_id, expires_at,
    token_expires_at, spent_at
from otps where token_hash = $1 for update;

-- name: wrong_otp
update otps set tries = tries + 1, code_hash = case when tries + 1 >= $2 then null else code_hash end where id = $1;

-- name: verify_otp
update otps set code_hash = null, verified_at = $2, token_hash = $3, token_expires_at = $4 where id = $1;

-- name: spend_otp
update otps set spent_at = $2 where id = $1;

-- name: device
select id, device, platform, model, public_key, thumbprint, bound_at
from devices where subject_id = $1 and subject_kind = $2 and device = $3 and unbound_at is null;

-- name: devices_of
select id, device, platform, model, public_key, thumbprint, bound_at
from devices where subject_id = $1 and subject_kind = $2 and unbound_at is null
order by bound_at desc, id desc limit $3;

-- name: bind_device
-- A key that was bound before is its subject's for ever, and bound again for nobody else.
insert into devices (id, subject_kind, subject_id, device, platform, model, public_key, thumbprint, bound_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (thumbprint) do update
set device = excluded.device, platform = excluded.platform, model = excluded.model, bound_at = excluded.bound_at,
    unbound_at = null, reason = null
where devices.subject_id = excluded.subject_id and devices.subject_kind = excluded.subject_kind
returning id;

-- name: unbind_device
update devices set unbound_at = $3, reason = $4 where subject_id = $1 and device = $2 and unbound_at is null;

-- name: bind_sign_in
update sign_ins set device = $3 where id = $1 and subject_id = $2 and revoked_at is null;

-- name: insert_step_up
insert into step_ups (id, subject_kind, subject_id, session, request_hash, channel, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: drop_step_ups
-- The oldest open challenges of a session, beyond so many.
delete from step_ups where id in (
    select id from step_ups where subject_id = $1 and session = $2 and expires_at > $3 and token_id is null
    order by created_at desc, id desc offset $4
);

-- name: step_up
select id, subject_kind, subject_id, session, request_hash, channel, expires_at, approved_at, token_id
from step_ups where id = $1;

-- name: lock_step_up
select id, subject_kind, subject_id, session, request_hash, channel, expires_at, approved_at, token_id
from step_ups where id = $1 for update;

-- name: open_step_ups
select id, subject_kind, subject_id, session, request_hash, channel, expires_at, approved_at, token_id
from step_ups
where subject_id = $1 and subject_kind = $2 and expires_at > $3 and approved_at is null and token_id is null
order by created_at desc, id desc limit $4;

-- name: approve_step_up
update step_ups set approved_at = $2 where id = $1 and approved_at is null and token_id is null and expires_at > $2;

-- name: complete_step_up
update step_ups set token_id = $2, factor = $3 where id = $1 and token_id is null;

-- name: spend_step_up
update step_ups set spent_at = $2
where token_id = $1 and request_hash = $3 and subject_id = $4 and session = $5 and spent_at is null;

-- name: insert_staff
insert into staff (id, email, name, roles, password, must_change, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
on conflict (email) do nothing;

-- name: staff_by_email
select id, email, name, roles, password, must_change, totp_sealed, totp_since, totp_step, wrong, locked_until, status,
    created_at, updated_at
from staff where email = $1;

-- name: staff_by_id
select id, email, name, roles, password, must_change, totp_sealed, totp_since, totp_step, wrong, locked_until, status,
    created_at, updated_at
from staff where id = $1;

-- name: lock_staff
select id, email, name, roles, password, must_change, totp_sealed, totp_since, totp_step, wrong, locked_until, status,
    created_at, updated_at
from staff where id = $1 for update;

-- name: staff_after
select id, email, name, roles, password, must_change, totp_sealed, totp_since, totp_step, wrong, locked_until, status,
    created_at, updated_at
from staff where email > $1 order by email limit $2;

-- name: count_staff_try
-- Counted before the password is compared, which takes long: so parallel guesses never pass the limit.
update staff
set wrong = case when locked_until <= $2 then 1 else wrong + 1 end,
    locked_until = case when (case when locked_until <= $2 then 1 else wrong + 1 end) >= $3 then $4::timestamptz end
where id = $1 and status = 'active' and (locked_until is null or locked_until <= $2);

-- name: clear_staff_tries
update staff set wrong = 0, locked_until = null where id = $1;

-- name: use_totp
-- A code's time step is used once.
update staff set totp_step = $2 where id = $1 and totp_step < $2;

-- name: set_totp
update staff set totp_sealed = $2, totp_since = null, totp_step = 0, updated_at = $3 where id = $1 and totp_since is null;

-- name: confirm_totp
update staff set totp_since = $2, totp_step = $3, updated_at = $2 where id = $1 and totp_since is null;

-- name: drop_totp
update staff set totp_sealed = null, totp_since = null, totp_step = 0, updated_at = $2 where id = $1;

-- name: set_password
update staff set password = $2, must_change = $3, wrong = 0, locked_until = null, updated_at = $4 where id = $1;

-- name: set_roles
update staff set roles = $2, updated_at = $3 where id = $1;

-- name: set_staff_status
update staff set status = $2, updated_at = $3 where id = $1;

-- name: totp_sealed_before
-- Seals that are not the current key's: those begin otherwise.
select id, totp_sealed from staff
where totp_sealed is not null and substring(totp_sealed from 1 for length($1::bytea)) <> $1::bytea
order by id limit $2
for update skip locked;

-- name: rewrap_totp
update staff set totp_sealed = $2 where id = $1;

-- name: keys_left
-- What still stands under other keys than the current ones.
select (select count(*) from credentials where kek_key <> $1 and subject_kind <> 'decoy')
        + (select count(*) from pin_history where kek_key <> $1) as kek,
    (select count(*) from credentials where pepper_version <> $2 and subject_kind <> 'decoy') as peppers,
    (select count(*) from clients where secret_version <> $2 and status = 'active') as clients,
    (select count(*) from staff
     where totp_sealed is not null and substring(totp_sealed from 1 for length($3::bytea)) <> $3::bytea) as totp;

-- name: sweep_sign_ins
delete from sign_ins where id in (select id from sign_ins where expires_at < $1 order by expires_at limit $2);

-- name: sweep_otps
delete from otps where id in (select id from otps where expires_at < $1 order by expires_at limit $2);

-- name: over_otps
-- Codes whose time is over, with their notices: the hash goes as the code does.
update otps set code_hash = null
where id in (select id from otps where code_hash is not null and expires_at <= $1 order by expires_at limit $2)
returning notice_id;

-- name: sweep_otp_sends
delete from otp_sends where who in (select who from otp_sends where last_at < $1 order by last_at limit $2);

-- name: sweep_step_ups
delete from step_ups where id in (select id from step_ups where expires_at < $1 order by expires_at limit $2);
