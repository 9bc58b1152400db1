package ledger

import (
	"context"
	"time"

	"nova/sql"
)

// Credentials compares secrets in the transaction of the group that uses them. core/identity implements it.
type Credentials interface {
	// LockQuery reads the credentials of the subjects in its one argument, an array of ids, and locks their rows,
	// sorted by subject. It answers with one row and one column, named credentials: a text. The ledger sends it
	// together with its own locks.
	LockQuery() sql.Query
	// Locked takes that text. A subject without a credential is no error here; Verify refuses it.
	Locked(rows string) (LockedCredentials, error)
}

// LockedCredentials are rows that nobody else can change until the transaction ends.
type LockedCredentials interface {
	// Verify returns nil, PIN_INVALID with attempts_left, or ACCOUNT_LOCKED with retry_after_seconds, and remembers
	// what that changed in the row. It does no I/O.
	Verify(c Check, now time.Time) error
	// Save writes the rows that Verify changed, in one statement, and none if nothing changed.
	Save(ctx context.Context, tx *sql.Tx) error
}

// Preparer may be implemented by Credentials: the statement that Save runs, so that the writer's connection has it
// prepared. Without it, it costs a round trip and a planning more.
type Preparer interface {
	Statements() []sql.Query
}

// noCredentials are those of books that nobody gave any: a command with a secret is a mistake there.
type noCredentials struct{}

func (noCredentials) LockQuery() sql.Query { return queries.Get("lock_nothing") }

func (noCredentials) Locked(string) (LockedCredentials, error) { return nil, nil } //nolint:nilnil // see above
