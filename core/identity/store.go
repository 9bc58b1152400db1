package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("identity")} }

// credential is a row of credentials.
type credential struct {
	SubjectKind   Kind       `db:"subject_kind"`
	SubjectID     uuid.UUID  `db:"subject_id"`
	Sealed        []byte     `db:"sealed"`
	Salt          []byte     `db:"salt"`
	PepperVersion int        `db:"pepper_version"`
	KEK           int64      `db:"kek_key"`
	Wrong         int        `db:"wrong"`
	LockedUntil   *time.Time `db:"locked_until"`
	ChangedAt     time.Time  `db:"changed_at"`

	// These are read where a person's screens are decided, and not where PINs are compared.
	MustChange bool       `db:"must_change"`
	ResetUntil *time.Time `db:"reset_until"`
	ResetAt    *time.Time `db:"reset_at"`

	changed bool
	// read is what it was read with: whoever saves it must find it so.
	read struct {
		wrong int
		kek   int64
	}
}

func (c *credential) asRead() { c.read.wrong, c.read.kek = c.Wrong, c.KEK }

// lockedAt reports whether the row is locked at now.
func (c *credential) lockedAt(now time.Time) bool {
	return c.LockedUntil != nil && now.Before(*c.LockedUntil)
}

// lock is the end of the lock, the zero time for none.
func (c *credential) lock() time.Time {
	if c.LockedUntil == nil {
		return time.Time{}
	}
	return *c.LockedUntil
}

// expire ends a lock whose time is over: the person has all tries again.
func (c *credential) expire(now time.Time) {
	if c.LockedUntil == nil || c.lockedAt(now) {
		return
	}
	c.LockedUntil, c.Wrong, c.changed = nil, 0, true
}

func (s store) lockQuery() sql.Query { return s.queries.Get("lock_credentials") }

func (s store) saveQuery() sql.Query { return s.queries.Get("save_credentials") }

func (s store) credential(ctx context.Context, q sql.Querier, id uuid.UUID) (credential, bool, error) {
	var row credential
	err := q.Get(ctx, &row, s.queries.Get("credential"), id)
	if sql.NoRows(err) {
		return credential{}, false, nil
	}
	return row, err == nil, err
}

func (s store) lockCredentials(ctx context.Context, tx *sql.Tx, subjects []uuid.UUID) ([]credential, error) {
	var text string
	if err := tx.Get(ctx, &text, s.lockQuery(), sql.UUIDs(subjects)); err != nil {
		return nil, err
	}
	return credentialsOf(text)
}

// credentialsOf reads the answer of lock_credentials.
func credentialsOf(text string) ([]credential, error) {
	var rows []credential
	r := sql.NewRowReader(text)
	for r.Line() {
		row := credential{
			SubjectKind: Kind(r.Word()), SubjectID: r.UUID(), Sealed: r.Bytes(), Salt: r.Bytes(),
			PepperVersion: r.Small(), KEK: r.Number(), Wrong: r.Small(),
		}
		if until := r.Optional(); until != nil {
			at := time.UnixMicro(*until).UTC()
			row.LockedUntil = &at
		}
		row.ChangedAt = r.Time()
		row.asRead()
		rows = append(rows, row)
	}
	return rows, r.Err()
}

func saveColumns(rows []*credential) sql.Columns {
	columns := make(sql.Columns, 10)
	for _, row := range rows {
		columns[0].UUID(row.SubjectID)
		columns[1].Bytes(row.Sealed)
		columns[2].Bytes(row.Salt)
		columns[3].Int(int64(row.PepperVersion))
		columns[4].Int(row.KEK)
		columns[5].Int(int64(row.Wrong))
		columns[6].Time(row.lock())
		columns[7].Int(int64(row.read.wrong))
		columns[8].Int(row.read.kek)
		columns[9].Time(row.ChangedAt)
	}
	return columns
}

func (s store) saveCredentials(ctx context.Context, tx *sql.Tx, rows []*credential) error {
	done, err := tx.Exec(ctx, s.saveQuery(), saveColumns(rows).Args()...)
	if err == nil && done != int64(len(rows)) {
		return fmt.Errorf("saved %d of %d locked credentials", done, len(rows))
	}
	return err
}

// setCredential writes a first or a new PIN; wrong ones before it are forgotten.
func (s store) setCredential(ctx context.Context, tx *sql.Tx, row *credential, mustChange bool, now time.Time) error {
	_, err := tx.Exec(ctx, s.queries.Get("set_credential"),
		string(row.SubjectKind), row.SubjectID, row.Sealed, row.Salt, row.PepperVersion, row.KEK, now, mustChange)
	return err
}

// addCredential writes a first PIN; false tells that there is one already.
func (s store) addCredential(ctx context.Context, tx *sql.Tx, row *credential, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("add_credential"),
		string(row.SubjectKind), row.SubjectID, row.Sealed, row.Salt, row.PepperVersion, row.KEK, now)
	return n == 1, err
}

// wrappedBefore locks credentials whose KEK is not the current one, at most so many.
func (s store) wrappedBefore(ctx context.Context, tx *sql.Tx, current int64, most int) ([]credential, error) {
	var rows []credential
	err := tx.Select(ctx, &rows, s.queries.Get("wrapped_before"), current, most)
	for i := range rows {
		rows[i].asRead()
	}
	return rows, err
}

// words and joined carry a list of scopes in one column, as RFC 6749 writes it.
func words(s string) []string     { return strings.Fields(s) }
func joined(list []string) string { return strings.Join(list, " ") }
