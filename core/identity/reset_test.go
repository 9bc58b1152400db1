package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
	"nova/sql"
)

var support = identity.Via{Actor: "stf_00000000000000000000000000", Channel: "console"}

// first sets a PIN as the first dial does.
func (w *world) first(pin string) error {
	return w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return w.identity.SetFirstPINIn(ctx, tx, w.person, secret.New(pin))
	})
}

func TestAResetLetsTheNextDialChooseAPIN(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	refused(t, d.first("2469"), fault.InvalidState)
	require.NoError(t, d.identity.OpenReset(t.Context(), d.person, support))
	st := d.status()
	require.False(t, st.HasPIN, "the screens ask as for a first PIN")
	require.True(t, st.ResetOpen)
	require.Zero(t, st.ResetAt)
	require.NoError(t, d.try(rightPIN), "who remembers it after all is not locked out")

	d.clock.Advance(23 * time.Hour)
	require.Contains(t, refused(t, d.first(rightPIN), fault.ValidationError).Fields["pin"], "in use")
	require.NoError(t, d.first("2469"))
	require.Equal(t, identity.Status{HasPIN: true, TriesLeft: 3, ResetAt: d.clock.Now()}, d.status())
	require.NoError(t, d.try("2469"))
	refused(t, d.try(rightPIN), fault.PINInvalid)
	_, err := d.refresh(in.Refresh)
	refused(t, err, fault.Unauthorized)
	refused(t, d.first("8253"), fault.InvalidState)
	require.ElementsMatch(t, []string{"auth.login done", "pin.reset_open done", "pin.reset done"}, d.recorded())
}

func TestAResetEndsAfterADay(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.identity.OpenReset(t.Context(), w.person, support))
	w.clock.Advance(24 * time.Hour)
	refused(t, w.first("2469"), fault.InvalidState)
	require.True(t, w.status().HasPIN)
	require.NoError(t, w.try(rightPIN))
}

func TestOfTwoDialsInAResetOneSetsThePIN(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.identity.OpenReset(t.Context(), w.person, support))
	pins := []string{"2469", "8253", "9753", "3691"}
	counts := outcomes(atOnce(len(pins), func(i int) error { return w.first(pins[i]) }))
	require.Equal(t, map[fault.Code]int{"": 1, fault.InvalidState: 3}, counts)
}

func TestWhoHasNoPINNeedsNoReset(t *testing.T) {
	w := newWorld(t)
	w.person.ID = uuid.New()
	refused(t, w.identity.OpenReset(t.Context(), w.person, support), fault.InvalidState)
	refused(t, w.identity.Unlock(t.Context(), w.person, support), fault.InvalidState)
}

func TestUnlockForgetsTheWrongPINs(t *testing.T) {
	d := newDoor(t)
	for range 3 {
		require.Error(t, d.try(wrongPIN))
	}
	refused(t, d.try(rightPIN), fault.AccountLocked)
	require.NoError(t, d.identity.Unlock(t.Context(), d.person, support))
	require.Equal(t, identity.Status{HasPIN: true, TriesLeft: 3}, d.status())
	require.NoError(t, d.try(rightPIN))
	require.Equal(t, []string{"pin.unlock done"}, d.recorded())
}

func TestAnIssuedPINGrantsNothingUntilItIsChanged(t *testing.T) {
	d := newDoor(t)
	require.NoError(t, d.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return d.identity.IssuePINIn(ctx, tx, d.person, secret.New(rightPIN))
	}))
	require.True(t, d.status().MustChange)
	in := d.in()
	require.True(t, in.MustChange)
	p := d.verified(in.Access)
	require.Empty(t, p.Purposes)
	require.Empty(t, p.Scopes)
	require.Empty(t, p.Roles)
	change := d.change(d.authorised(), "2469")
	change.Session = in.Session
	require.NoError(t, d.identity.ChangePIN(t.Context(), change))
	require.False(t, d.status().MustChange)
	in, err := d.refresh(in.Refresh)
	require.NoError(t, err)
	require.Equal(t, grantOfAll.Purposes, d.verified(in.Access).Purposes)
}

func TestTheLastPINsAreRefused(t *testing.T) {
	w := newWorld(t)
	used := []string{rightPIN, "2469", "8253", "9753"}
	for _, pin := range used[1:] {
		w.clock.Advance(time.Minute)
		w.set(pin)
	}
	for _, pin := range used[:3] {
		f := refused(t, w.identity.CheckNew(t.Context(), w.person, secret.New(pin), 0), fault.ValidationError)
		require.Equal(t, identity.PINUsedBefore, f.Fields["pin"])
	}
	f := refused(t, w.identity.CheckNew(t.Context(), w.person, secret.New(used[3]), 0), fault.ValidationError)
	require.Equal(t, identity.PINInUse, f.Fields["pin"])
	w.clock.Advance(time.Minute)
	w.set("3691")
	require.NoError(t, w.identity.CheckNew(t.Context(), w.person, secret.New(used[0]), 0), "four changes ago")
	var kept int
	require.NoError(t, w.db.Get(t.Context(), &kept, statement(`select count(*) from pin_history`)))
	require.Equal(t, 3, kept)
}

func TestANewPINEndsTheOtherSignIns(t *testing.T) {
	d := newDoor(t)
	mine, others := d.in(), d.in()
	change := d.change(d.authorised(), "2469")
	change.Session = mine.Session
	require.NoError(t, d.identity.ChangePIN(t.Context(), change))
	_, err := d.refresh(others.Refresh)
	refused(t, err, fault.Unauthorized)
	d.clock.Advance(time.Second)
	_, err = d.tokens.Verify(t.Context(), others.Access)
	refused(t, err, fault.Unauthorized)
	_, err = d.refresh(mine.Refresh)
	require.NoError(t, err)
	require.Contains(t, d.recorded(), "pin.change done")
}

func TestALockIsRecordedOnceWhicheverDoorItFellAt(t *testing.T) {
	d := newDoor(t)
	for range 5 {
		require.Error(t, d.try(wrongPIN))
	}
	unknown := d.typing(wrongPIN)
	unknown.Subject = identity.Subject{}
	for range 3 {
		_, err := d.signIns.SignIn(t.Context(), unknown)
		require.Error(t, err)
	}
	for i, want := range []int{1, 0} {
		told, err := d.identity.RecordLocks(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, told, "round %d", i)
	}
	d.clock.Advance(time.Hour)
	for range 3 {
		require.Error(t, d.try(wrongPIN))
	}
	told, err := d.identity.RecordLocks(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, told, "the next lock is another")
	require.Equal(t, 2, d.count(`select count(*) from audit_events where action = 'pin.locked'`))
}

func TestRewrapMovesThePINsBeforeAsWell(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.with(keys(t, dir, "", nil))
	w.person.ID = ids.New(noon)
	w.set(rightPIN)
	w.set("2469")
	w.with(keys(t, dir, "pin_kek.json", func(old []byte) []byte { return withSecondKey(t, old) }))
	_, err := w.db.Exec(t.Context(), statement(`delete from credentials where subject_id <> $1`), w.person.ID)
	require.NoError(t, err) // whose key died with another keyring
	for _, want := range []int{1, 1, 0} {
		moved, err := w.identity.Rewrap(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, moved)
	}
	refused(t, w.identity.CheckNew(t.Context(), w.person, secret.New(rightPIN), 0), fault.ValidationError)
}
