package ledger

import (
	"time"

	"nova/sql"
)

// Credentials compares secrets in the group that uses them. core/identity implements it.
type Credentials interface {
	// LockQuery reads the credentials of the subjects in its one argument, an array of ids, and locks their rows,
	// sorted by subject. It answers with one row and one column, named credentials: a text. The ledger sends it
	// together with its own locks.
	LockQuery() sql.Query
	// SaveQuery writes what Verify changed, to rows that are as they were read, and to no others: a group may decide
	// by rows that it has not locked. It is part of the one statement in which a group writes.
	SaveQuery() sql.Query
	// Locked takes LockQuery's text. A subject without a credential is no error here; Verify refuses it.
	Locked(rows string) (LockedCredentials, error)
}

// LockedCredentials are rows that nobody else changes while the group decides, or that it finds changed when it writes.
type LockedCredentials interface {
	// Verify returns nil, PIN_INVALID with attempts_left, or ACCOUNT_LOCKED with retry_after_seconds, and remembers
	// what that changed in the row. It does no I/O.
	Verify(c Check, now time.Time) error
	// Changes are SaveQuery's arguments and how many rows it must touch.
	Changes() (args []any, rows int)
}

// noCredentials are those of books that nobody gave any: a command with a secret is a mistake there.
type noCredentials struct{}

func (noCredentials) LockQuery() sql.Query { return queries.Get("lock_nothing") }

func (noCredentials) SaveQuery() sql.Query { return queries.Get("save_nothing") }

func (noCredentials) Locked(string) (LockedCredentials, error) { return nil, nil } //nolint:nilnil // see above
