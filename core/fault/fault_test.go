package fault_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
)

// statusTable is the table of codes of the HTTP contract, to the letter.
const statusTable = `
  | 400 | VALIDATION_ERROR, IDEMPOTENCY_KEY_REQUIRED, OTP_INVALID |
  | 401 | UNAUTHORIZED, INVALID_CREDENTIALS, TOKEN_REUSED |
  | 403 | FORBIDDEN, PIN_INVALID (with ` + "`attempts_left`" + `), MFA_REQUIRED (with ` + "`challenge`" + `), DEVICE_NOT_BOUND, KYC_REQUIRED, CAPABILITY_MISSING |
  | 404 | NOT_FOUND |
  | 409 | DUPLICATE_ENTITY, IDEMPOTENCY_CONFLICT, IDEMPOTENCY_IN_PROGRESS, INVALID_STATE, ALREADY_REVERSED, PERIOD_CLOSED, MAKER_CHECKER_VIOLATION |
  | 410 | OTP_EXPIRED, QUOTE_EXPIRED |
  | 413 / 415 | PAYLOAD_TOO_LARGE / UNSUPPORTED_MEDIA_TYPE |
  | 422 | INSUFFICIENT_FUNDS, LIMIT_EXCEEDED, MAX_BALANCE_EXCEEDED, SAME_PARTIES, ACCOUNT_FROZEN, ACCOUNT_CLOSED, UNBALANCED_POSTING, CURRENCY_MISMATCH, CUSTOMER_NOT_FOUND (as a payee) |
  | 423 | ACCOUNT_LOCKED (with ` + "`retry_after_seconds`" + `) |
  | 429 | RATE_LIMIT_EXCEEDED (with ` + "`Retry-After`" + `) |
  | 500 / 503 | INTERNAL_SERVER_ERROR / SERVICE_UNAVAILABLE |
`

// contractCodes reads the codes out of the table: words of capitals and underscores.
func contractCodes() []fault.Code {
	words := strings.FieldsFunc(statusTable, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_'
	})
	var codes []fault.Code
	for _, word := range words {
		if len(word) > len("Re") && word == strings.ToUpper(word) {
			codes = append(codes, fault.Code(word))
		}
	}
	return codes
}

func TestCodesAreTheContracts(t *testing.T) {
	if diff := cmp.Diff(contractCodes(), fault.Codes()); diff != "" {
		t.Errorf("Codes() differ from the HTTP contract (-contract +code):\n%s", diff)
	}
}

func TestCodesAreGivenOutAsACopy(t *testing.T) {
	fault.Codes()[0] = "CHANGED"
	require.Equal(t, fault.ValidationError, fault.Codes()[0])
}

func TestKindOfCode(t *testing.T) {
	cases := []struct {
		name string
		code fault.Code
		want fault.Kind
	}{
		{"malformed input is the caller's to change", fault.ValidationError, fault.Invalid},
		{"a wrong PIN is business as usual", fault.PINInvalid, fault.Declined},
		{"a missing purpose is not the caller's to have", fault.CodeForbidden, fault.Forbidden},
		{"a thing that is not there", fault.NotFound, fault.Unknown},
		{"a payee who is not there", fault.CustomerNotFound, fault.Unknown},
		{"a key used twice", fault.IdempotencyConflict, fault.Conflict},
		{"no money is a refusal", fault.InsufficientFunds, fault.Declined},
		{"a dependency that is down", fault.ServiceUnavailable, fault.Unavailable},
		{"ours", fault.InternalServerError, fault.Internal},
		{"a code that nobody declared is our mistake", fault.Code("MADE_UP"), fault.Internal},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.code.Kind(); got != c.want {
				t.Errorf("%s.Kind() = %s, want %s", c.code, got, c.want)
			}
			require.Equal(t, c.want, fault.New(c.code, "x").Kind)
		})
	}
}

// Only these two wake an operator; a refusal that did would bury them.
func TestOnlyTheLastTwoCodesAreOurs(t *testing.T) {
	for _, code := range fault.Codes() {
		ours := code == fault.InternalServerError || code == fault.ServiceUnavailable
		loud := code.Kind() == fault.Internal || code.Kind() == fault.Unavailable
		if ours != loud {
			t.Errorf("%s is %s", code, code.Kind())
		}
	}
}

func TestKindNames(t *testing.T) {
	want := []string{"internal", "invalid", "unknown", "conflict", "declined", "forbidden", "unavailable", "kind(7)"}
	for i, name := range want {
		require.Equal(t, name, fault.Kind(i).String())
	}
}

func TestFromFindsTheOutermostFault(t *testing.T) {
	cause := errors.New("disk full")
	inner := fault.Wrap(cause, fault.ServiceUnavailable, "write")
	outer := fault.Wrap(inner, fault.IdempotencyInProgress, "commit")

	got := fault.From(fmt.Errorf("send money: %w", outer))

	require.Same(t, outer, got)
	require.ErrorIs(t, got, cause)
	require.True(t, fault.Is(outer, fault.IdempotencyInProgress))
	require.False(t, fault.Is(outer, fault.ServiceUnavailable), "the caller is not shown the inner one")
}

func TestFromMakesAPlainErrorInternal(t *testing.T) {
	cause := errors.New("disk full")
	got := fault.From(cause)
	require.Equal(t, fault.InternalServerError, got.Code)
	require.Equal(t, fault.Internal, got.Kind)
	require.ErrorIs(t, got, cause)
}

// gone says itself that it is a dependency's failure.
type gone struct{}

func (gone) Error() string     { return "connection refused" }
func (gone) Unavailable() bool { return true }

func TestFromBelievesADependencyThatSaysItIsDown(t *testing.T) {
	got := fault.From(fmt.Errorf("read wallet: %w", gone{}))
	require.Equal(t, fault.ServiceUnavailable, got.Code)
	require.Equal(t, fault.Unavailable, got.Kind)
}

func TestNoErrorIsNoFault(t *testing.T) {
	require.Nil(t, fault.From(nil))
	require.False(t, fault.Is(nil, fault.InternalServerError))
}

func TestOurs(t *testing.T) {
	rows := []struct {
		name string
		err  error
		want bool
	}{
		{"no error", nil, false},
		{"a plain error", errors.New("disk full"), true},
		{"a dependency down, behind another's words", fmt.Errorf("send: %w", fault.New(fault.ServiceUnavailable, "redis")), true},
		{"a refusal", fault.New(fault.InsufficientFunds, "wallet"), false},
		{"a refusal caused by our failure", fault.Wrap(errors.New("disk full"), fault.InvalidState, "wallet"), false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { require.Equal(t, row.want, fault.Ours(row.err)) })
	}
}

func TestLockedTellsWholeSecondsRoundedUp(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for left, want := range map[time.Duration]int{
		time.Hour: 3600, time.Minute + time.Microsecond: 61, time.Microsecond: 1, 0: 0,
	} {
		e := fault.Locked(now, now.Add(left), "PIN of %d", 7)
		require.Equal(t, fault.AccountLocked, e.Code)
		require.Equal(t, "PIN of 7", e.Detail)
		require.Equal(t, map[string]any{"retry_after_seconds": want}, e.Extra, "left %s", left)
	}
}

func TestFieldAndWithLeaveTheirReceiverAlone(t *testing.T) {
	base := fault.New(fault.PINInvalid, "subject %d", 7).Field("pin", "is wrong").With("attempts_left", 2)

	changed := base.Field("amount", "is required").With("attempts_left", 1)

	require.Equal(t, map[string]string{"pin": "is wrong"}, base.Fields)
	require.Equal(t, map[string]any{"attempts_left": 2}, base.Extra)
	require.Equal(t, map[string]string{"pin": "is wrong", "amount": "is required"}, changed.Fields)
	require.Equal(t, map[string]any{"attempts_left": 1}, changed.Extra)
	require.Equal(t, "subject 7", changed.Detail)
}

func TestErrorTextIsForOperators(t *testing.T) {
	e := fault.Wrap(errors.New("timeout"), fault.ServiceUnavailable, "lock account %s", "acc_1")
	require.Equal(t, "SERVICE_UNAVAILABLE: lock account acc_1: timeout", e.Error())
	require.Equal(t, "NOT_FOUND", (&fault.Error{Code: fault.NotFound}).Error())
}

func TestLogNamesThePartsConstantly(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	logger.Error("hop", "fault", fault.Wrap(errors.New("timeout"), fault.ServiceUnavailable, "lock"))
	require.Contains(t, out.String(),
		"fault.code=SERVICE_UNAVAILABLE fault.kind=unavailable fault.detail=lock fault.cause=timeout")
}
