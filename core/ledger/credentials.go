package ledger

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// Credentials compares secrets in the transaction of the group that uses them. core/identity implements it.
type Credentials interface {
	// Lock reads the credentials of the subjects and locks their rows, sorted by subject. A subject without a
	// credential is no error here; Verify refuses it.
	Lock(ctx context.Context, tx *sql.Tx, subjects []uuid.UUID) (LockedCredentials, error)
}

// LockedCredentials are rows that nobody else can change until the transaction ends.
type LockedCredentials interface {
	// Verify returns nil, PIN_INVALID with attempts_left, or ACCOUNT_LOCKED with retry_after_seconds, and remembers
	// what that changed in the row. It does no I/O.
	Verify(c Check, now time.Time) error
	// Save writes the rows that Verify changed, in one statement, and none if nothing changed.
	Save(ctx context.Context, tx *sql.Tx) error
}

// Preparer may be implemented by Credentials: the statements that Lock and Save run, so that the writer's
// connection has them prepared. Without it each costs a round trip and a planning more.
type Preparer interface {
	Statements() []sql.Query
}
