package ledger_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// overdrawn is a market whose writer knows where the fees of draws go, and a wallet with a line of 100.00 at 2%.
type overdrawn struct {
	*market
	wallet, owed, shop uuid.UUID
}

func newOverdrawn(t *testing.T, own int64) *overdrawn {
	t.Helper()
	m := newMarket(t)
	db, err := ledger.OpenDB(context.Background(), m.url)
	require.NoError(t, err)
	m.Writer, err = ledger.NewWriter(ledger.WriterOptions{
		DB: db, Clock: m.clock, Credentials: pins{}, Location: barbados, Codes: m.keys.PINPepper, Node: "lender",
		DrawFees: ledger.DrawFees{Income: m.fees, Tax: m.tax, TaxBPS: func(time.Time) (int64, error) { return 1750, nil }},
	})
	require.NoError(t, err)
	w := m.Writer
	t.Cleanup(func() {
		require.NoError(t, w.Close(context.Background()))
		require.NoError(t, db.Close())
	})
	o := &overdrawn{market: m, wallet: m.wallet(own), shop: m.wallet(0)}
	o.owed = m.open(ledger.OverdraftReceivable, ledger.ZeroFloor())
	require.NoError(t, o.set(ledger.OverdraftLine{Limit: 100_00, FeeBPS: 200, Until: noon.Add(24 * time.Hour)}))
	return o
}

func (o *overdrawn) set(l ledger.OverdraftLine) error {
	if l.Account == uuid.Nil {
		l.Account = o.wallet
	}
	if l.Receivable == uuid.Nil {
		l.Receivable = o.owed
	}
	return o.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return o.store.SetOverdraftIn(ctx, tx, l)
	})
}

func TestADebitDrawsWhatTheAccountLacks(t *testing.T) {
	o := newOverdrawn(t, 30_00)
	require.EqualValues(t, 100_00, o.balance(o.wallet).Overdraft)
	c := o.transfer(o.wallet, o.shop, 50_00)
	r := o.must(c)
	require.Equal(t, map[uuid.UUID]ledger.Draw{o.wallet: {Drawn: 20_00, Fee: 40}}, r.Draws)
	require.Zero(t, o.posted(o.wallet))
	require.EqualValues(t, 50_00, o.posted(o.shop))
	require.EqualValues(t, 20_40, o.posted(o.owed))
	require.EqualValues(t, 33, o.posted(o.fees))
	require.EqualValues(t, 7, o.posted(o.tax), "17.5%% of 0.40")
	require.EqualValues(t, 79_60, o.balance(o.wallet).Overdraft)
	again := o.must(c)
	require.True(t, again.Replayed)
	require.Equal(t, r.Draws, again.Draws, "the stored answer tells of the draw")
	entries, err := o.store.Entries(t.Context(), ledger.Page{Account: o.wallet, Limit: 10})
	require.NoError(t, err)
	for _, e := range entries {
		require.GreaterOrEqual(t, e.BalanceAfter, int64(0), "no entry stands below the floor")
	}
}

func TestACreditRepaysFirst(t *testing.T) {
	o := newOverdrawn(t, 0)
	o.must(o.transfer(o.wallet, o.shop, 50_00)) // owes 51.00
	r := o.must(o.fund(o.wallet, 20_00))
	require.Equal(t, ledger.Draw{Repaid: 20_00}, r.Draws[o.wallet])
	require.Zero(t, o.posted(o.wallet))
	require.EqualValues(t, 31_00, o.posted(o.owed))
	r = o.must(o.fund(o.wallet, 40_00))
	require.Equal(t, ledger.Draw{Repaid: 31_00}, r.Draws[o.wallet])
	require.EqualValues(t, 9_00, o.posted(o.wallet))
	require.Zero(t, o.posted(o.owed))
	require.Empty(t, o.must(o.fund(o.wallet, 1_00)).Draws, "nothing is owed any more")
}

func TestALineIsNeverPassed(t *testing.T) {
	o := newOverdrawn(t, 10_00)
	tooMuch := o.transfer(o.wallet, o.shop, 10_00+98_04) // with its fee of 1.96 that is the line to the cent
	o.must(tooMuch)
	require.EqualValues(t, 100_00, o.posted(o.owed))
	o.refused(o.transfer(o.wallet, o.shop, 1), fault.InsufficientFunds)
	o.must(o.fund(o.wallet, 100_00))
	o.refused(o.transfer(o.wallet, o.shop, 98_05), fault.InsufficientFunds)
	require.Zero(t, o.posted(o.owed), "a refused draw draws nothing")

	require.NoError(t, o.set(ledger.OverdraftLine{Limit: 100_00, Until: noon.Add(time.Minute)}))
	o.clock.Advance(time.Minute)
	o.refused(o.transfer(o.wallet, o.shop, 1), fault.InsufficientFunds)
	require.Zero(t, o.balance(o.wallet).Overdraft, "the line has ended")
}

func TestWhatIsHeldIsNotDrawnAndNotRepaid(t *testing.T) {
	o := newOverdrawn(t, 30_00)
	place := o.command()
	place.Holds = []ledger.HoldMove{ledger.PlaceHold(ledger.Hold{
		ID: ids.New(noon), Account: o.wallet, Kind: "test", Minor: 25_00, ExpiresAt: noon.Add(time.Hour),
	})}
	o.must(place)
	r := o.must(o.transfer(o.wallet, o.shop, 10_00))
	require.Equal(t, ledger.Draw{Drawn: 5_00, Fee: 10}, r.Draws[o.wallet])
	more := o.command()
	more.Holds = []ledger.HoldMove{ledger.PlaceHold(ledger.Hold{
		ID: ids.New(noon), Account: o.wallet, Kind: "test", Minor: 1, ExpiresAt: noon.Add(time.Hour),
	})}
	o.refused(more, fault.InsufficientFunds)
}

func TestAnExplicitDrawAndAReversalAddNothing(t *testing.T) {
	o := newOverdrawn(t, 0)
	o.must(o.command(debit(o.owed, 10_00), credit(o.wallet, 10_00)))
	require.EqualValues(t, 10_00, o.posted(o.wallet), "a draw is not repaid by itself")
	c := o.transfer(o.wallet, o.shop, 30_00) // draws 20.00
	o.must(c)
	back, err := o.store.Reversal(t.Context(), c.Posting)
	require.NoError(t, err)
	fresh := o.command()
	back.Key, back.Body, back.Posting = fresh.Key, fresh.Body, fresh.Posting
	require.Empty(t, o.must(back).Draws)
	require.EqualValues(t, 10_00, o.posted(o.wallet))
	require.EqualValues(t, 10_00, o.posted(o.owed))
	require.Zero(t, o.posted(o.shop)+o.posted(o.fees)+o.posted(o.tax))
	o.refused(o.command(debit(o.wallet, 10_00), credit(o.owed, 10_01), debit(o.trust, 1)), fault.InsufficientFunds)
}

func TestDrawsInOneGroupAndOnTwoNodes(t *testing.T) {
	o := newOverdrawn(t, 0)
	other := o.writer("other", o.url)
	require.NoError(t, o.set(ledger.OverdraftLine{Limit: 100_00}))
	var done, refused int64
	type answer struct{ err error }
	const each = 60
	answers := make(chan answer, 2*each)
	for _, w := range []*ledger.Writer{o.Writer, other} {
		for range each {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				_, err := w.Submit(ctx, o.transfer(o.wallet, o.shop, 1_00))
				answers <- answer{err}
			}()
		}
	}
	for range 2 * each {
		a := <-answers
		if a.err == nil {
			done++
			continue
		}
		require.True(t, fault.Is(a.err, fault.InsufficientFunds), "%v", a.err)
		refused++
	}
	require.EqualValues(t, 100, done, "the line to the cent, and %d refused", refused)
	require.EqualValues(t, 100_00, o.posted(o.owed))
	require.EqualValues(t, 100_00, o.posted(o.shop))
}

func TestWhatMayBeALine(t *testing.T) {
	o := newOverdrawn(t, 0)
	code := func(err error) fault.Code { return fault.From(err).Code }
	require.Equal(t, fault.ValidationError, code(o.set(ledger.OverdraftLine{Limit: -1})))
	require.Equal(t, fault.ValidationError, code(o.set(ledger.OverdraftLine{FeeBPS: 10_001})))
	require.Equal(t, fault.NotFound, code(o.set(ledger.OverdraftLine{Account: ids.New(noon)})))
	require.Equal(t, fault.InvalidState, code(o.set(ledger.OverdraftLine{Receivable: o.shop})), "a wallet owes nothing")
	second := o.open(ledger.OverdraftReceivable, ledger.ZeroFloor())
	require.Equal(t, fault.InvalidState, code(o.set(ledger.OverdraftLine{Receivable: second})), "it never changes")
	l, found, err := o.store.Overdraft(t.Context(), o.wallet)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, ledger.OverdraftLine{
		Account: o.wallet, Receivable: o.owed, Limit: 100_00, FeeBPS: 200, Until: noon.Add(24 * time.Hour),
	}, l)
	_, found, err = o.store.Overdraft(t.Context(), o.shop)
	require.NoError(t, err)
	require.False(t, found)
}

func TestApplyDrawsAndRepaysAsAPencilDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bank, wallet, shop, owed := ids.New(noon), ids.New(noon), ids.New(noon), ids.New(noon)
		fees, tax := ids.New(noon), ids.New(noon)
		st := ledger.NewState(ledger.StateOptions{
			Now: noon, Location: barbados,
			DrawFees: ledger.DrawFees{Income: fees, Tax: tax, TaxBPS: func(time.Time) (int64, error) { return 1750, nil }},
		})
		for id, p := range map[uuid.UUID]ledger.Product{
			bank: ledger.Trust, wallet: ledger.Wallet, shop: ledger.Wallet, owed: ledger.OverdraftReceivable,
			fees: ledger.FeeIncome, tax: ledger.TaxPayable,
		} {
			a := ledger.Account{ID: id, Product: p, Currency: money.BBD, Status: ledger.Active}
			if p == ledger.Wallet || p == ledger.OverdraftReceivable {
				a.Floor = ledger.ZeroFloor()
			}
			st.AddAccount(a, ledger.Balance{})
		}
		line := ledger.OverdraftLine{
			Account: wallet, Receivable: owed, Limit: rapid.Int64Range(0, 500).Draw(t, "limit"),
			FeeBPS: rapid.IntRange(0, 10_000).Draw(t, "fee"),
		}
		st.SetOverdraft(line)
		var own, debt, shops, earned int64
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			minor := rapid.Int64Range(1, 400).Draw(t, "minor")
			var c *ledger.Command
			want := fault.Code("")
			receive := func() {
				repaid := min(debt, minor)
				debt, own = debt-repaid, own+minor-repaid
			}
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				c = pay(debit(bank, minor), credit(wallet, minor))
				receive()
			case 1:
				c = pay(debit(shop, minor), credit(wallet, minor))
				if shops < minor {
					want = fault.InsufficientFunds
					break
				}
				shops -= minor
				receive()
			default:
				c = pay(debit(wallet, minor), credit(shop, minor))
				lack := max(0, minor-own)
				fee := (lack*int64(line.FeeBPS) + 5_000) / 10_000
				if lack > 0 && debt+lack+fee > line.Limit {
					want = fault.InsufficientFunds
					break
				}
				own, shops, debt, earned = own-minor+lack, shops+minor, debt+lack+fee, earned+fee
			}
			_, err := ledger.Apply(st, c)
			require.Equal(t, want, codeOf(err), "%v", err)
			posted := func(id uuid.UUID) int64 {
				b, _ := st.Balance(id)
				return b.Posted
			}
			require.Equal(t, []int64{own, debt, shops, earned},
				[]int64{posted(wallet), posted(owed), posted(shop), posted(fees) + posted(tax)})
			require.Equal(t, posted(bank)+debt, own+shops+earned, "debits equal credits")
		}
		sums := map[uuid.UUID]int64{}
		for _, e := range st.Entries() {
			if e.Side == ledger.Credit {
				sums[e.Posting] += e.Minor
			} else {
				sums[e.Posting] -= e.Minor
			}
			require.GreaterOrEqual(t, e.BalanceAfter, int64(0), "no entry leaves an account under its floor")
		}
		for posting, sum := range sums {
			require.Zero(t, sum, "posting %s", posting)
		}
	})
}
