package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

func TestSweepErasesWhatIsOver(t *testing.T) {
	c := newCounter(t)
	sent := c.sent(c.asks(identity.OTPPINReset, ""))
	c.challenge()
	swept := func() int {
		n, err := c.identity.Sweep(t.Context())
		require.NoError(t, err)
		return n
	}
	require.Zero(t, swept(), "nothing is over")
	c.clock.Advance(5 * time.Minute)
	require.Equal(t, 1, swept())
	require.Zero(t, c.count(`select count(*) from otps where code_hash is not null`))
	require.Zero(t, c.count(`select count(*) from notices where sealed is not null or status = 'queued'`))
	_, err := c.verify(sent.Session, sent.Code)
	refused(t, err, fault.OTPExpired)
	c.clock.Advance(25 * time.Hour)
	require.Equal(t, 1+3+1, swept(), "the code, its counts, the challenge")
	c.clock.Advance(211 * 24 * time.Hour)
	require.Equal(t, 1, swept(), "the sign-in")
	require.Zero(t, c.count(`select count(*) from refresh_tokens`))
}

func TestKeysAreLeftUntilEverythingHasMoved(t *testing.T) {
	d, dir := newDoor(t), t.TempDir()
	d.with(keys(t, dir, "", nil))
	d.set(rightPIN)
	_, err := d.db.Exec(t.Context(), statement(`delete from pin_history`))
	require.NoError(t, err)
	left := func() identity.KeysLeft {
		l, err := d.identity.KeysLeft(t.Context())
		require.NoError(t, err)
		return l
	}
	require.Equal(t, identity.KeysLeft{}, left())
	for _, name := range []string{"pin_kek", "pin_pepper", "field"} {
		require.NoError(t, secret.AddKey(dir, name, true))
	}
	rotated, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	d.with(rotated)
	require.Equal(t, identity.KeysLeft{KEK: 1, Peppers: 1}, left())
	moved, err := d.identity.Rewrap(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, moved)
	require.Equal(t, identity.KeysLeft{Peppers: 1}, left())
	require.NoError(t, d.try(rightPIN))
	require.Equal(t, identity.KeysLeft{}, left())
}

func TestSecondFactorsMoveToTheCurrentFieldKey(t *testing.T) {
	o, dir := newOffice(t, false), t.TempDir()
	o.with(keys(t, dir, "", nil))
	staffed := func() {
		var err error
		o.staff, err = identity.NewStaffing(identity.StaffOptions{
			DB: o.db, Keyring: o.keyring, SignIns: o.signIns, Clock: o.clock, Issuer: "Nova",
		})
		require.NoError(t, err)
	}
	staffed()
	key := o.enrol()
	require.NoError(t, secret.AddKey(dir, "field", true))
	rotated, err := secret.LoadKeyring(dir)
	require.NoError(t, err)
	o.with(rotated)
	for _, want := range []int{1, 0} {
		moved, err := o.identity.RewrapStaff(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, moved)
	}
	staffed()
	_, err = o.at(goodPassword, totp(key, o.clock.Now()))
	require.NoError(t, err)
}

func TestADecoyOfOlderKeysIsMadeAnew(t *testing.T) {
	d, dir := newDoor(t), t.TempDir()
	d.with(keys(t, dir, "", nil))
	unknown := func() error {
		d.signIns = identity.NewSignIns(identity.SignInOptions{DB: d.db, Identity: d.identity, Tokens: d.tokens, Clock: d.clock})
		try := d.typing(wrongPIN)
		try.Subject = identity.Subject{}
		_, err := d.signIns.SignIn(t.Context(), try)
		return err
	}
	refused(t, unknown(), fault.InvalidCredentials)
	index := keys(t, dir, "", nil).Index
	other := keys(t, t.TempDir(), "", nil) // all keys of before are gone, but who is counted together stays so
	other.Index = index
	d.with(other)
	refused(t, unknown(), fault.InvalidCredentials)
	refused(t, unknown(), fault.AccountLocked)
}
