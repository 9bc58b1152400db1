package ledger_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
)

// desk is a state without a database: a rich payer, an empty payee, and a book.
type desk struct {
	st                                 *ledger.State
	payer, payee, book, frozen, closed uuid.UUID
	dollars                            uuid.UUID
}

func newDesk() *desk {
	d := &desk{
		payer: ids.New(noon), payee: ids.New(noon), book: ids.New(noon), frozen: ids.New(noon), closed: ids.New(noon),
		dollars: ids.New(noon),
	}
	d.st = ledger.NewState(ledger.StateOptions{
		Now: noon, Location: barbados, Codes: secret.EphemeralKeyring().PINPepper, ReceiptNext: 7,
	})
	add := func(id uuid.UUID, a ledger.Account, posted int64) {
		a.ID, a.Currency = id, orBBD(a.Currency)
		if a.Status == "" {
			a.Status = ledger.Active
		}
		d.st.AddAccount(a, ledger.Balance{Posted: posted})
	}
	add(d.payer, ledger.Account{Product: ledger.Wallet, Floor: ledger.ZeroFloor(), Tier: 1}, 10_000)
	add(d.payee, ledger.Account{Product: ledger.Wallet, Floor: ledger.ZeroFloor(), Tier: 1}, 0)
	add(d.book, ledger.Account{Product: ledger.FeeIncome}, 0)
	add(d.frozen, ledger.Account{Product: ledger.Wallet, Floor: ledger.ZeroFloor(), Status: ledger.Frozen}, 100)
	add(d.closed, ledger.Account{Product: ledger.Wallet, Floor: ledger.ZeroFloor(), Status: ledger.Closed}, 0)
	add(d.dollars, ledger.Account{Product: ledger.Wallet, Floor: ledger.ZeroFloor(), Currency: money.USD}, 100)
	return d
}

func orBBD(c money.Currency) money.Currency {
	if c == "" {
		return money.BBD
	}
	return c
}

func debit(id uuid.UUID, minor int64) ledger.Line {
	return ledger.Line{Account: id, Side: ledger.Debit, Minor: minor}
}

func credit(id uuid.UUID, minor int64) ledger.Line {
	return ledger.Line{Account: id, Side: ledger.Credit, Minor: minor}
}

func pay(lines ...ledger.Line) *ledger.Command {
	return &ledger.Command{Key: key(), Currency: money.BBD, Lines: lines, Posting: ids.New(noon)}
}

func hold(id, account uuid.UUID, minor int64) ledger.Hold {
	return ledger.Hold{
		ID: id, Account: account, Kind: ledger.WithdrawalCode, Minor: minor, Code: secret.New("483920"),
		ExpiresAt: noon.Add(30 * time.Minute),
	}
}

func TestApplyRefuses(t *testing.T) {
	shown, used := int64(100), ids.New(noon)
	client := ids.New(noon)
	cases := map[string]struct {
		command func(d *desk) *ledger.Command
		code    fault.Code
	}{
		"a command without a key": {func(d *desk) *ledger.Command {
			c := pay(debit(d.payer, 1), credit(d.payee, 1))
			c.Key.Value = ""
			return c
		}, fault.IdempotencyKeyRequired},
		"one line":               {func(d *desk) *ledger.Command { return pay(debit(d.payer, 1)) }, fault.UnbalancedPosting},
		"debits without credits": {func(d *desk) *ledger.Command { return pay(debit(d.payer, 2), credit(d.payee, 1)) }, fault.UnbalancedPosting},
		"a line of nothing":      {func(d *desk) *ledger.Command { return pay(debit(d.payer, 0), credit(d.payee, 0)) }, fault.ValidationError},
		"a negative line":        {func(d *desk) *ledger.Command { return pay(debit(d.payer, -1), credit(d.payee, -1)) }, fault.ValidationError},
		"lines beyond int64": {func(d *desk) *ledger.Command {
			return pay(debit(d.book, math.MaxInt64), debit(d.payer, 1), credit(d.payee, math.MaxInt64))
		}, fault.ValidationError},
		"more lines than a posting may have": {func(d *desk) *ledger.Command {
			return pay(make([]ledger.Line, ledger.MaxLines+1)...)
		}, fault.ValidationError},
		"no currency": {func(d *desk) *ledger.Command {
			c := pay(debit(d.payer, 1), credit(d.payee, 1))
			c.Currency = ""
			return c
		}, fault.ValidationError},
		"a payment to oneself": {func(d *desk) *ledger.Command { return pay(debit(d.payer, 1), credit(d.payer, 1)) }, fault.SameParties},
		"another fee than the one shown": {func(d *desk) *ledger.Command {
			c := pay(debit(d.payer, 1), credit(d.payee, 1))
			c.FeeShown, c.Fee = &shown, 101
			return c
		}, fault.QuoteExpired},
		"an intent that was used": {func(d *desk) *ledger.Command {
			first, second := pay(debit(d.payer, 1), credit(d.payee, 1)), pay(debit(d.payer, 1), credit(d.payee, 1))
			first.Transaction = &transactions.Transaction{ID: first.Posting, Intent: used}
			second.Transaction = &transactions.Transaction{ID: second.Posting, Intent: used}
			mustApply(d, first)
			return second
		}, fault.DuplicateEntity},
		"a client's reference that was used": {func(d *desk) *ledger.Command {
			first, second := pay(debit(d.payer, 1), credit(d.payee, 1)), pay(debit(d.payer, 1), credit(d.payee, 1))
			first.Transaction = &transactions.Transaction{ID: first.Posting, Client: client, Reference: "a"}
			second.Transaction = &transactions.Transaction{ID: second.Posting, Client: client, Reference: "a"}
			mustApply(d, first)
			return second
		}, fault.DuplicateEntity},
		"a second reversal": {func(d *desk) *ledger.Command {
			first, second := pay(debit(d.payer, 1), credit(d.payee, 1)), pay(debit(d.payer, 1), credit(d.payee, 1))
			first.Reverses, second.Reverses = used, used
			mustApply(d, first)
			return second
		}, fault.AlreadyReversed},
		"a change of a transaction that there is not": {func(d *desk) *ledger.Command {
			return &ledger.Command{Key: key(), Change: &transactions.Change{ID: used}}
		}, fault.NotFound},
		"a change from another status": {func(d *desk) *ledger.Command {
			d.st.AddTransaction(used, transactions.Completed)
			return &ledger.Command{Key: key(), Change: &transactions.Change{
				ID: used, From: transactions.PendingApproval, To: transactions.Completed}}
		}, fault.InvalidState},
		"an unknown account": {func(d *desk) *ledger.Command { return pay(debit(d.payer, 1), credit(used, 1)) }, fault.NotFound},
		"a frozen account":   {func(d *desk) *ledger.Command { return pay(debit(d.frozen, 1), credit(d.payee, 1)) }, fault.AccountFrozen},
		"a closed account":   {func(d *desk) *ledger.Command { return pay(debit(d.payer, 1), credit(d.closed, 1)) }, fault.AccountClosed},
		"another currency":   {func(d *desk) *ledger.Command { return pay(debit(d.payer, 1), credit(d.dollars, 1)) }, fault.CurrencyMismatch},
		"more than there is": {func(d *desk) *ledger.Command { return pay(debit(d.payer, 10_001), credit(d.payee, 10_001)) }, fault.InsufficientFunds},
		"what is held": {func(d *desk) *ledger.Command {
			mustApply(d, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(used, d.payer, 9_000))}})
			return pay(debit(d.payer, 1_001), credit(d.payee, 1_001))
		}, fault.InsufficientFunds},
		"a hold of more than there is": {func(d *desk) *ledger.Command {
			return &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(used, d.payer, 10_001))}}
		}, fault.InsufficientFunds},
		"holds beyond int64": {func(d *desk) *ledger.Command {
			huge := hold(used, d.book, math.MaxInt64)
			second := hold(ids.New(noon), d.book, math.MaxInt64)
			second.Kind = "reserve"
			return &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(huge), ledger.PlaceHold(second)}}
		}, fault.InsufficientFunds},
		"a balance beyond int64": {func(d *desk) *ledger.Command {
			mustApply(d, pay(debit(trustOf(d), math.MaxInt64), credit(d.payee, math.MaxInt64)))
			return pay(debit(d.payer, 1), credit(d.payee, 1))
		}, fault.MaxBalanceExceeded},
		"a balance over its cap": {func(d *desk) *ledger.Command {
			c := pay(debit(d.payer, 501), credit(d.payee, 501))
			c.Caps = []ledger.Cap{{Account: d.payee, Max: 500}}
			return c
		}, fault.MaxBalanceExceeded},
		"a counter over its cap": {func(d *desk) *ledger.Command {
			c := pay(debit(d.payer, 1), credit(d.payee, 1))
			c.Counters = []ledger.Count{{Subject: d.payer, Rule: "day", Delta: 11, Cap: 20}}
			d.st.AddCounter(c.Counters[0], 10)
			return c
		}, fault.LimitExceeded},
		"a second live code": {func(d *desk) *ledger.Command {
			mustApply(d, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(used, d.payer, 10))}})
			return &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(ids.New(noon), d.payer, 10))}}
		}, fault.InvalidState},
		"a hold that has expired before it began": {func(d *desk) *ledger.Command {
			h := hold(used, d.payer, 10)
			h.ExpiresAt = noon
			return &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(h)}}
		}, fault.ValidationError},
		"the release of a hold that there is not": {func(*desk) *ledger.Command {
			return &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.ReleaseHold(used)}}
		}, fault.NotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDesk()
			command := c.command(d)
			before := snapshot(d)
			_, err := ledger.Apply(d.st, command)
			require.Error(t, err)
			require.Equal(t, c.code, fault.From(err).Code, "%v", err)
			require.Equal(t, before, snapshot(d), "a refusal changes nothing")
		})
	}
}

func trustOf(d *desk) uuid.UUID {
	id := ids.New(noon)
	d.st.AddAccount(ledger.Account{ID: id, Product: ledger.Trust, Currency: money.BBD, Status: ledger.Active}, ledger.Balance{})
	return id
}

func mustApply(d *desk, c *ledger.Command) ledger.Result {
	r, err := ledger.Apply(d.st, c)
	if err != nil {
		panic(err)
	}
	return r
}

type view struct {
	balances [6]ledger.Balance
	entries  int
}

func snapshot(d *desk) (v view) {
	for i, id := range [...]uuid.UUID{d.payer, d.payee, d.book, d.frozen, d.closed, d.dollars} {
		v.balances[i], _ = d.st.Balance(id)
	}
	v.entries = len(d.st.Entries())
	return v
}

func TestApplyRefusesAnotherTier(t *testing.T) {
	d := newDesk()
	c := pay(debit(d.payer, 1), credit(d.payee, 1))
	c.Tiers = []ledger.TierGuard{{Account: d.payee, Tier: 2}}
	_, err := ledger.Apply(d.st, c)
	require.ErrorIs(t, err, ledger.ErrStale)
}

func TestLimitNamesItsRule(t *testing.T) {
	d := newDesk()
	c := pay(debit(d.payer, 1), credit(d.payee, 1))
	c.Counters = []ledger.Count{{Subject: d.payer, Rule: "p2p.day.value", Delta: 21, Cap: 20}}
	d.st.AddCounter(c.Counters[0], 0)
	_, err := ledger.Apply(d.st, c)
	require.Equal(t, map[string]any{"rule": "p2p.day.value", "window": "daily"}, fault.From(err).Extra)
}

func TestApplyBooksEntriesInOrder(t *testing.T) {
	d := newDesk()
	c := pay(debit(d.payer, 5_000), debit(d.payer, 100), credit(d.payee, 5_000), credit(d.book, 100))
	c.Narration = "send"
	r := mustApply(d, c)
	require.Equal(t, noon, r.BookedAt)
	require.Equal(t, map[uuid.UUID]int64{d.payer: 4_900, d.payee: 5_000}, r.Balances)
	var after []int64
	for _, e := range d.st.Entries() {
		after = append(after, e.BalanceAfter)
	}
	require.Equal(t, []int64{5_000, 4_900, 5_000, 100}, after)
	require.Equal(t, int64(2), d.st.Entries()[1].Sequence)
}

func TestTimeNeverRunsBackwardsOnAnAccount(t *testing.T) {
	d := newDesk()
	ahead := noon.Add(time.Second)
	late := ids.New(noon)
	d.st.AddAccount(ledger.Account{ID: late, Product: ledger.Wallet, Currency: money.BBD, Status: ledger.Active,
		Floor: ledger.ZeroFloor()}, ledger.Balance{BookedAt: ahead})
	r := mustApply(d, pay(debit(d.payer, 1), credit(late, 1)))
	require.Equal(t, ahead, r.BookedAt)
	r = mustApply(d, pay(debit(d.payer, 1), credit(d.payee, 1)))
	require.Equal(t, ahead, r.BookedAt, "the payer was booked then")
}

func TestHoldLife(t *testing.T) {
	d := newDesk()
	id := ids.New(noon)
	redeem := func(code string, minor int64) *ledger.Command {
		c := pay(debit(d.payer, minor), credit(d.payee, minor))
		c.Holds = []ledger.HoldMove{ledger.RedeemHold(id, minor, secret.New(code))}
		return c
	}
	r := mustApply(d, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(id, d.payer, 6_000))}})
	require.Equal(t, []uuid.UUID{id}, r.Holds)
	require.Equal(t, int64(4_000), r.Available[d.payer])
	require.Equal(t, int64(10_000), r.Balances[d.payer])

	_, err := ledger.Apply(d.st, redeem("483921", 5_000))
	require.Equal(t, 2, fault.From(err).Extra["attempts_left"])
	_, err = ledger.Apply(d.st, redeem("483920", 6_001))
	require.Equal(t, fault.ValidationError, fault.From(err).Code, "more than was held")
	cheat := redeem("483920", 5_000)
	cheat.Lines = []ledger.Line{debit(d.book, 5_000), credit(d.payee, 5_000)}
	_, err = ledger.Apply(d.st, cheat)
	require.Equal(t, fault.ValidationError, fault.From(err).Code, "money of another account")
	noCode := redeem("", 5_000)
	noCode.Holds[0].Code = nil
	_, err = ledger.Apply(d.st, noCode)
	require.Equal(t, fault.ValidationError, fault.From(err).Code, "a code is needed")

	r = mustApply(d, redeem("483920", 5_000))
	require.Equal(t, int64(5_000), r.Available[d.payer], "what was not captured is released")
	h, _ := d.st.Hold(id)
	require.Equal(t, ledger.HoldCaptured, h.Status)
	require.Equal(t, int64(5_000), h.Captured)
	_, err = ledger.Apply(d.st, redeem("483920", 1_000))
	require.Equal(t, fault.InvalidState, fault.From(err).Code)
}

func TestThirdWrongCodeReleasesTheHold(t *testing.T) {
	d := newDesk()
	id := ids.New(noon)
	mustApply(d, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(id, d.payer, 6_000))}})
	for left := 2; left >= 0; left-- {
		c := pay(debit(d.payer, 10), credit(d.payee, 10))
		c.Holds = []ledger.HoldMove{ledger.RedeemHold(id, 10, secret.New("000000"))}
		_, err := ledger.Apply(d.st, c)
		require.Equal(t, fault.OTPInvalid, fault.From(err).Code)
		require.Equal(t, left, fault.From(err).Extra["attempts_left"])
	}
	b, _ := d.st.Balance(d.payer)
	require.Zero(t, b.Held)
	c := pay(debit(d.payer, 10), credit(d.payee, 10))
	c.Holds = []ledger.HoldMove{ledger.RedeemHold(id, 10, secret.New("483920"))}
	_, err := ledger.Apply(d.st, c)
	require.Equal(t, fault.InvalidState, fault.From(err).Code, "the right code comes too late")
	mustApply(d, &ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.PlaceHold(hold(ids.New(noon), d.payer, 1))}})
}

func TestGiveBackStopsAtZero(t *testing.T) {
	d := newDesk()
	count := ledger.Count{Subject: d.payer, Rule: "day", Delta: -50}
	d.st.AddCounter(count, 30)
	c := pay(debit(d.payer, 1), credit(d.payee, 1))
	c.Counters = []ledger.Count{count, {Subject: d.payer, Rule: "day", Delta: 5, Cap: 5}}
	mustApply(d, c)
	require.Equal(t, int64(5), d.st.Used(count))
}

func TestPlaceholdersAskOnlyForLockedBalances(t *testing.T) {
	d := newDesk()
	c := pay(debit(d.payer, 1), credit(d.payee, 1))
	c.Notices = []outbox.Notice{{Template: "x", Args: map[string]string{"b": outbox.PlaceBalance(d.book)}}}
	_, err := ledger.Apply(d.st, c)
	require.Error(t, err)
	var f *fault.Error
	require.False(t, errors.As(err, &f), "our own mistake is a plain error")
}

func TestEdgesOfInt64(t *testing.T) {
	d := newDesk()
	bank := trustOf(d)
	mustApply(d, pay(debit(bank, math.MaxInt64), credit(d.payee, math.MaxInt64)))
	mustApply(d, pay(debit(d.payee, math.MaxInt64), credit(bank, math.MaxInt64)))
	b, _ := d.st.Balance(d.payee)
	require.Zero(t, b.Posted)
	// A system account may go down to the least int64, and no further.
	mustApply(d, pay(debit(d.book, math.MaxInt64), credit(d.payee, math.MaxInt64)))
	_, err := ledger.Apply(d.st, pay(debit(d.book, 2), credit(d.payer, 2)))
	require.Equal(t, fault.MaxBalanceExceeded, fault.From(err).Code)
	_, err = ledger.Apply(d.st, pay(debit(d.book, 1), credit(d.payer, 1)))
	require.NoError(t, err)
}
