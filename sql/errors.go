package sql

import (
	"context"
	stdsql "database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/lib/pq"
)

// PostgreSQL's condition names that decisions hang on.
const (
	serializationFailure = "serialization_failure"
	deadlockDetected     = "deadlock_detected"
	lockNotAvailable     = "lock_not_available"
	queryCanceled        = "query_canceled"
	uniqueViolation      = "unique_violation"
	divisionByZero       = "division_by_zero"
	classConnection      = "08"
	classShutdown        = "57P"
)

// NoRows tells that a Get found nothing.
func NoRows(err error) bool { return errors.Is(err, stdsql.ErrNoRows) }

// Unique tells that err is the violation of the named unique constraint or index; "" stands for any.
func Unique(err error, constraint string) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code.Name() == uniqueViolation && (constraint == "" || e.Constraint == constraint)
}

// again marks the loss of a race that PostgreSQL has no condition for.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

// Again makes err Retryable: the transaction met what another one committed meanwhile, and will see it when it is
// run again.
func Again(err error) error { return again{err} }

// Retryable tells that the transaction lost a race and may be run again as it is.
func Retryable(err error) bool {
	if errors.As(err, new(again)) {
		return true
	}
	var e *pq.Error
	if !errors.As(err, &e) {
		return false
	}
	name := e.Code.Name()
	return name == serializationFailure || name == deadlockDetected
}

// Cancelled tells that the server broke a statement off, for its statement_timeout or because somebody asked it to.
func Cancelled(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code.Name() == queryCanceled
}

// LockTimeout tells that a lock was not to be had within the transaction's lock_timeout.
func LockTimeout(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && e.Code.Name() == lockNotAvailable
}

// WaitedFor tells that the failed statement was waiting for another transaction with the same value in the unique index.
func WaitedFor(err error, index string) bool {
	var e *pq.Error
	return errors.As(err, &e) && strings.Contains(e.Where, `"`+index+`"`)
}

// ConnectionLost tells that the connection broke or the server went away: after Commit, whether the transaction
// lasted is then unknown.
func ConnectionLost(err error) bool {
	var e *pq.Error
	if errors.As(err, &e) {
		return string(e.Code.Class()) == classConnection || len(e.Code) == 5 && string(e.Code)[:3] == classShutdown
	}
	var netError net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &netError)
}

// Answered tells that err is the server's own refusal of a statement: after Commit the transaction is then undone
// for certain. Neither a lost connection nor a cancelled statement is one.
func Answered(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && !ConnectionLost(err) && e.Code.Name() != queryCanceled
}

// mapped turns a cancelled statement into the context's own error: lib/pq reports 57014, which errors.Is does not
// take for a deadline. An error that means that the database is away says so itself, to whoever words failures.
func mapped(ctx context.Context, err error) error {
	var e *pq.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e) && e.Code.Name() == queryCanceled && ctx.Err() != nil:
		return fmt.Errorf("%w (%s)", ctx.Err(), e.Message)
	case ConnectionLost(err) && ctx.Err() == nil:
		return away{err}
	default:
		return err
	}
}

// away marks the failure of a database that does not answer: not the asker's fault, and over at another time.
type away struct{ error }

// Unwrap gives the driver's own error.
func (a away) Unwrap() error { return a.error }

// Unavailable tells fault.From that a dependency is down.
func (a away) Unavailable() bool { return true }
