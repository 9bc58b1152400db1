package identity

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

const (
	// DefaultMaxWrong wrong PINs lock a person.
	DefaultMaxWrong = 3
	// DefaultLock is how long a lock lasts: three guesses an hour at 10,000 PINs make guessing useless.
	DefaultLock = 60 * time.Minute
	// saltBytes is enough that no two rows ever share a salt.
	saltBytes = 16
)

// CredentialOptions configure how wrong PINs are met; zero values mean the defaults.
type CredentialOptions struct {
	MaxWrong int
	Lock     time.Duration
}

// Credentials compares PINs under their rows' locks. It is the ledger's Credentials.
//
// A PIN stands as AEAD_kek(HMAC_pepper(person, salt, PIN)), with the names of both keys beside it. So a stolen table
// without both keys says nothing, although there are only ten thousand four-digit PINs, and comparing costs
// microseconds. The KEK rotates by Rewrap over all rows; the pepper moves with each next right PIN.
type Credentials struct {
	keyring  *secret.Keyring
	store    store
	maxWrong int
	lock     time.Duration
}

// NewCredentials makes the comparer.
func NewCredentials(keyring *secret.Keyring, o CredentialOptions) *Credentials {
	c := &Credentials{keyring: keyring, store: newStore(), maxWrong: o.MaxWrong, lock: o.Lock}
	if c.maxWrong <= 0 {
		c.maxWrong = DefaultMaxWrong
	}
	if c.lock <= 0 {
		c.lock = DefaultLock
	}
	return c
}

// LockQuery locks the PINs of subjects, in the order of their ids, until the transaction ends.
func (c *Credentials) LockQuery() sql.Query { return c.store.lockQuery() }

// SaveQuery writes the PINs' rows that Verify changed.
func (c *Credentials) SaveQuery() sql.Query { return c.store.saveQuery() }

// Locked takes the answer of LockQuery.
func (c *Credentials) Locked(rows string) (ledger.LockedCredentials, error) {
	all, err := credentialsOf(rows)
	return c.hold(all), err
}

func (c *Credentials) lockRows(ctx context.Context, tx *sql.Tx, subjects []uuid.UUID) (*locked, error) {
	all, err := c.store.lockCredentials(ctx, tx, subjects)
	return c.hold(all), err
}

func (c *Credentials) hold(all []credential) *locked {
	l := &locked{credentials: c, rows: make(map[uuid.UUID]*credential, len(all))}
	for i := range all {
		l.rows[all[i].SubjectID] = &all[i]
	}
	return l
}

// locked are the rows that a transaction compares with, locked or to be found unchanged when they are saved.
type locked struct {
	credentials *Credentials
	rows        map[uuid.UUID]*credential
}

// Verify compares a PIN and remembers what changed for Changes. A right PIN forgets the wrong ones before it; a wrong
// one changes the counter and nothing else.
func (l *locked) Verify(check ledger.Check, now time.Time) error {
	row := l.rows[check.Subject]
	if row == nil {
		return fault.New(fault.InvalidState, "subject %s has no PIN", check.Subject)
	}
	row.expire(now)
	if row.lockedAt(now) {
		return lockedFault(row, now)
	}
	right, err := l.credentials.compare(row, check.Secret)
	if err != nil {
		return err
	}
	if !right {
		return l.wrong(row, now)
	}
	return l.right(row, check.Secret)
}

func (l *locked) wrong(row *credential, now time.Time) error {
	row.Wrong++
	row.changed = true
	left := l.credentials.maxWrong - row.Wrong
	if left > 0 {
		return fault.New(fault.PINInvalid, "wrong PIN of %s", row.SubjectID).With("attempts_left", left)
	}
	until := now.Add(l.credentials.lock)
	row.LockedUntil = &until
	return lockedFault(row, now)
}

func (l *locked) right(row *credential, pin secret.Text) error {
	if row.Wrong != 0 || row.LockedUntil != nil {
		row.Wrong, row.LockedUntil, row.changed = 0, nil, true
	}
	if row.PepperVersion == l.credentials.keyring.PINPepper.Current() {
		return nil
	}
	// The pepper can move only while the PIN is at hand.
	row.changed = true
	return l.credentials.protect(row, pin)
}

// Changes are SaveQuery's arguments and how many rows it must touch.
func (l *locked) Changes() (args []any, rows int) {
	changed := l.changed()
	return saveColumns(changed).Args(), len(changed)
}

// changed are the rows that Verify changed, in the order in which rows are locked.
func (l *locked) changed() []*credential {
	var changed []*credential
	for _, row := range l.rows {
		if row.changed {
			changed = append(changed, row)
		}
	}
	slices.SortFunc(changed, func(a, b *credential) int { return bytes.Compare(a.SubjectID[:], b.SubjectID[:]) })
	return changed
}

// save writes the rows that Verify changed, in a transaction of this package's own.
func (l *locked) save(ctx context.Context, tx *sql.Tx) error {
	changed := l.changed()
	if len(changed) == 0 {
		return nil
	}
	return l.credentials.store.saveCredentials(ctx, tx, changed)
}

func lockedFault(row *credential, now time.Time) error {
	return fault.Locked(now, *row.LockedUntil, "PIN of %s is locked", row.SubjectID)
}

// compare tells whether pin is the row's, in time that does not depend on how much of it is right.
func (c *Credentials) compare(row *credential, pin secret.Text) (bool, error) {
	want, err := c.open(row)
	if err != nil {
		return false, err
	}
	got, err := c.hash(row.PepperVersion, row, pin)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(want, got[:]) == 1, nil
}

// protect gives the row a new salt and the PIN under the current keys.
func (c *Credentials) protect(row *credential, pin secret.Text) error {
	row.Salt = make([]byte, saltBytes)
	_, _ = rand.Read(row.Salt) // crypto/rand.Read never fails: it ends the program instead
	row.PepperVersion = c.keyring.PINPepper.Current()
	hash, err := c.hash(row.PepperVersion, row, pin)
	if err != nil {
		return err
	}
	return c.seal(row, hash[:])
}

// seal puts a PIN's keyed hash into its row under the current KEK.
func (c *Credentials) seal(row *credential, hash []byte) error {
	var err error
	row.Sealed, err = c.keyring.PINKek.Seal(hash, sealedAAD(row.SubjectID))
	if err != nil {
		return fmt.Errorf("seal PIN of %s: %w", row.SubjectID, err)
	}
	key, _ := secret.SealedBy(row.Sealed) // a Box has just sealed it
	row.KEK = int64(key)
	return nil
}

// open takes it out again.
func (c *Credentials) open(row *credential) ([]byte, error) {
	hash, err := c.keyring.PINKek.Open(row.Sealed, sealedAAD(row.SubjectID))
	if err != nil {
		return nil, fmt.Errorf("open PIN of %s: %w", row.SubjectID, err)
	}
	return hash, nil
}

func (c *Credentials) hash(version int, row *credential, pin secret.Text) ([32]byte, error) {
	sum, err := c.keyring.PINPepper.Sum(version, row.SubjectID[:], row.Salt, []byte(pin.Reveal()))
	if err != nil {
		return sum, fmt.Errorf("hash PIN of %s: %w", row.SubjectID, err)
	}
	return sum, nil
}

// sealedAAD binds a sealed PIN to its row, so that one person's cannot be copied over another's.
func sealedAAD(id uuid.UUID) string { return "credentials|sealed|" + id.String() }
