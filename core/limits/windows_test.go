package limits_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// spending is a customer of one market, whose day takes 100.00, week 250.00 and month 300.00.
type spending struct {
	t           *testing.T
	db          *sql.DB
	clock       *clock.Manual
	poster      *ledger.Poster
	book        *limits.Book
	customer    uuid.UUID
	trust, owed uuid.UUID
	spent       int
}

const windowRules = `
currency: BBD
tiers: [{ tier: 0 }]
rules:
  - name: out
    operations: [p2p]
    tiers: [{ tier: 0, daily: { value: "100.00" }, weekly: { value: "250.00" }, monthly: { value: "300.00" } }]
`

func newSpending(t *testing.T, place *time.Location) *spending {
	t.Helper()
	db, _ := sqltest.Open(t)
	now := time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	keys := secret.EphemeralKeyring()
	s := &spending{t: t, db: db, clock: clock.NewManual(now), book: parse(t, windowRules), customer: ids.New(now)}
	s.poster = ledger.NewPoster(ledger.PosterOptions{
		Clock: s.clock, Location: place, Codes: keys.PINPepper,
		Credentials: identity.NewCredentials(keys, identity.CredentialOptions{}),
	})
	s.trust, s.owed = s.account(ledger.Trust), s.account(ledger.EquityAccount)
	return s
}

func (s *spending) account(product ledger.Product) uuid.UUID {
	s.t.Helper()
	a := ledger.Account{
		ID: ids.New(s.clock.Now()), OwnerKind: "house", OwnerID: "nova", Product: product, Currency: money.BBD,
	}
	require.NoError(s.t, s.db.InTx(s.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return ledger.NewStore(s.db, s.clock).OpenIn(ctx, tx, a)
	}))
	return a.ID
}

// spend posts an amount at a moment, counted as the book says.
func (s *spending) spend(at time.Time, minor int64) error {
	s.clock.Set(at)
	s.spent++
	key := ledger.Key{Scope: "cus:one", Operation: "spend", Value: fmt.Sprint(s.spent)}
	op := limits.Operation{Type: transactions.P2P, Channel: transactions.USSD, Amount: bbd(minor)}
	require.NoError(s.t, s.book.Check(op))
	return s.db.InTx(s.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.poster.PostIn(ctx, tx, &ledger.Command{
			Key: key, Body: key.Digest(), Currency: money.BBD, Posting: ids.New(at), Narration: "spend",
			Lines: []ledger.Line{
				{Account: s.trust, Side: ledger.Debit, Minor: minor}, {Account: s.owed, Side: ledger.Credit, Minor: minor},
			},
			Counters: s.book.Counters(op, s.customer),
		})
		return err
	})
}

// takes spends all that a moment still has, a cent more being refused before and after.
func (s *spending) takes(at time.Time, minor int64) {
	s.t.Helper()
	refused := func(minor int64) {
		s.t.Helper()
		err := s.spend(at, minor)
		require.True(s.t, fault.Is(err, fault.LimitExceeded), "%d at %s: %v", minor, at, err)
	}
	refused(minor + 1)
	if minor > 0 {
		require.NoError(s.t, s.spend(at, minor), "%d at %s", minor, at)
	}
	refused(1)
}

// TestWindowsEndAtTheMarketsMidnight: what a window takes is counted to its last millisecond on the market's wall, and
// the next one begins with the first instant of its day, also where the clocks change.
func TestWindowsEndAtTheMarketsMidnight(t *testing.T) {
	type step struct {
		at    string // on the market's wall, with its offset
		takes int64
	}
	cases := []struct {
		name, zone string
		steps      []step
	}{
		{"a day's end", "America/Barbados", []step{
			{"2026-11-18T00:00:00-04:00", 100_00},
			{"2026-11-18T23:59:59.999-04:00", 0},
			{"2026-11-19T00:00:00-04:00", 100_00},
		}},
		{"UTC's midnight is none", "America/Barbados", []step{
			{"2026-11-18T19:59:59.999-04:00", 100_00},
			{"2026-11-18T20:00:00-04:00", 0},
		}},
		{"a week's end, before which the days take no more", "America/Barbados", []step{
			{"2026-11-19T12:00:00-04:00", 100_00},
			{"2026-11-20T12:00:00-04:00", 100_00},
			{"2026-11-21T12:00:00-04:00", 50_00},
			{"2026-11-22T23:59:59.999-04:00", 0}, // Sunday
			{"2026-11-23T00:00:00-04:00", 50_00}, // the month's last
		}},
		{"a month's end within a week", "America/Barbados", []step{
			{"2026-11-09T12:00:00-04:00", 100_00},
			{"2026-11-10T12:00:00-04:00", 100_00},
			{"2026-11-16T12:00:00-04:00", 100_00},
			{"2026-11-30T23:59:59.999-04:00", 0},
			{"2026-12-01T00:00:00-04:00", 100_00},
		}},
		{"a year's end", "America/Barbados", []step{
			{"2026-12-31T23:59:59.999-04:00", 100_00},
			{"2027-01-01T00:00:00-04:00", 100_00},
		}},
		{"a day that begins at one, for its midnight is left out", "America/Havana", []step{
			{"2026-03-07T23:59:59.999-05:00", 100_00},
			{"2026-03-08T01:00:00-04:00", 100_00},
			{"2026-03-08T23:59:59.999-04:00", 0},
			{"2026-03-09T00:00:00-04:00", 100_00},
		}},
		{"a month's first, with two midnights", "America/Havana", []step{
			{"2026-10-31T23:59:59.999-04:00", 100_00},
			{"2026-11-01T00:00:00-04:00", 100_00},
			{"2026-11-01T00:00:00-05:00", 0},
			{"2026-11-01T23:59:59.999-05:00", 0},
			{"2026-11-02T00:00:00-05:00", 100_00},
		}},
		{"a short day, and a month's end after it", "Europe/Paris", []step{
			{"2026-03-28T23:59:59.999+01:00", 100_00},
			{"2026-03-29T00:00:00+01:00", 100_00},
			{"2026-03-29T23:59:59.999+02:00", 0},
			{"2026-03-30T00:00:00+02:00", 100_00},
			{"2026-03-31T23:59:59.999+02:00", 0},
			{"2026-04-01T00:00:00+02:00", 100_00},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			place, err := time.LoadLocation(c.zone)
			require.NoError(t, err)
			s := newSpending(t, place)
			for _, step := range c.steps {
				at, err := time.Parse(time.RFC3339, step.at)
				require.NoError(t, err)
				require.Equal(t, at.Format(time.RFC3339), at.In(place).Format(time.RFC3339), "the offset is the zone's")
				s.takes(at.UTC(), step.takes)
			}
		})
	}
}
