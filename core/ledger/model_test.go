package ledger_test

import (
	"bytes"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/secret"
)

// model is the ledger as a person would do it with a pencil: no groups, no rows, no integers that overflow.
type model struct {
	posted, held map[uuid.UUID]*big.Int
	bank         uuid.UUID
	holds        map[uuid.UUID]*modelHold
	live         map[uuid.UUID]bool
	used         map[uuid.UUID]int64
	answered     map[ledger.Key]fault.Code
}

type modelHold struct {
	account uuid.UUID
	minor   int64
	tries   int
	active  bool
}

const (
	rightCode  = "483920"
	modelCap   = 2_000
	modelLimit = 5_000
)

func newModel(bank uuid.UUID, wallets []uuid.UUID) *model {
	md := &model{
		posted: map[uuid.UUID]*big.Int{bank: new(big.Int)}, held: map[uuid.UUID]*big.Int{bank: new(big.Int)}, bank: bank,
		holds: map[uuid.UUID]*modelHold{}, live: map[uuid.UUID]bool{}, used: map[uuid.UUID]int64{},
		answered: map[ledger.Key]fault.Code{},
	}
	for _, w := range wallets {
		md.posted[w], md.held[w] = new(big.Int), new(big.Int)
	}
	return md
}

func (md *model) free(id uuid.UUID) *big.Int { return new(big.Int).Sub(md.posted[id], md.held[id]) }

// step is one thing that a test does: the command, and what the model expects of it.
type step struct {
	command *ledger.Command
	expect  func() fault.Code // "" for success; changes the model
}

// draw makes a random step over the model's accounts.
func (md *model) draw(t *rapid.T, wallets []uuid.UUID) step {
	from := rapid.SampledFrom(wallets).Draw(t, "from")
	to := rapid.SampledFrom(wallets).Draw(t, "to")
	minor := rapid.Int64Range(1, 1_500).Draw(t, "minor")
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return md.fund(from, minor)
	case 1, 2:
		return md.transfer(from, to, minor)
	case 3:
		return md.place(from, minor)
	case 4:
		return md.redeem(t, to, minor)
	case 5:
		return md.release(t)
	default:
		return md.unbalanced(from, to, minor)
	}
}

func (md *model) fund(to uuid.UUID, minor int64) step {
	return step{pay(debit(md.bank, minor), credit(to, minor)), func() fault.Code {
		md.add(md.bank, minor)
		md.add(to, minor)
		return ""
	}}
}

// transfer has a cap on the payee and a daily limit on the payer.
func (md *model) transfer(from, to uuid.UUID, minor int64) step {
	c := pay(debit(from, minor), credit(to, minor))
	c.Caps = []ledger.Cap{{Account: to, Max: modelCap}}
	c.Counters = []ledger.Count{{Subject: from, Rule: "day", Window: clock.Daily, Delta: minor, Cap: modelLimit}}
	return step{c, func() fault.Code {
		switch {
		case from == to:
			return fault.SameParties
		case md.free(from).Cmp(big.NewInt(minor)) < 0:
			return fault.InsufficientFunds
		case new(big.Int).Add(md.posted[to], big.NewInt(minor)).Cmp(big.NewInt(modelCap)) > 0:
			return fault.MaxBalanceExceeded
		case md.used[from]+minor > modelLimit:
			return fault.LimitExceeded
		}
		md.used[from] += minor
		md.add(from, -minor)
		md.add(to, minor)
		return ""
	}}
}

func (md *model) place(on uuid.UUID, minor int64) step {
	id := ids.New(noon)
	h := hold(id, on, minor)
	return step{&ledger.Command{Key: key(), Currency: money.BBD, Holds: []ledger.HoldMove{ledger.PlaceHold(h)}}, func() fault.Code {
		switch {
		case md.live[on]:
			return fault.InvalidState
		case md.free(on).Cmp(big.NewInt(minor)) < 0:
			return fault.InsufficientFunds
		}
		md.live[on] = true
		md.holds[id] = &modelHold{account: on, minor: minor, active: true}
		md.held[on].Add(md.held[on], big.NewInt(minor))
		return ""
	}}
}

func (md *model) redeem(t *rapid.T, to uuid.UUID, minor int64) step {
	id, h := md.anyHold(t)
	code := rapid.SampledFrom([]string{rightCode, rightCode, "000000"}).Draw(t, "code")
	c := pay(debit(h.account, minor), credit(to, minor))
	c.Holds = []ledger.HoldMove{ledger.RedeemHold(id, minor, secret.New(code))}
	return step{c, func() fault.Code {
		switch {
		case h.account == to:
			return fault.SameParties
		case h.minor == 0:
			return fault.NotFound
		case !h.active:
			return fault.InvalidState
		case minor > h.minor:
			return fault.ValidationError
		case code != rightCode:
			if h.tries++; h.tries == ledger.MaxCodeTries {
				md.end(h)
			}
			return fault.OTPInvalid
		}
		md.end(h)
		md.add(h.account, -minor)
		md.add(to, minor)
		return ""
	}}
}

func (md *model) release(t *rapid.T) step {
	id, h := md.anyHold(t)
	return step{&ledger.Command{Key: key(), Holds: []ledger.HoldMove{ledger.ReleaseHold(id)}}, func() fault.Code {
		switch {
		case h.minor == 0:
			return fault.NotFound
		case !h.active:
			return fault.InvalidState
		}
		md.end(h)
		return ""
	}}
}

func (md *model) unbalanced(from, to uuid.UUID, minor int64) step {
	return step{pay(debit(from, minor), credit(to, minor+1)), func() fault.Code { return fault.UnbalancedPosting }}
}

func (md *model) end(h *modelHold) {
	h.active, md.live[h.account] = false, false
	md.held[h.account].Sub(md.held[h.account], big.NewInt(h.minor))
}

func (md *model) add(id uuid.UUID, minor int64) {
	md.posted[id].Add(md.posted[id], big.NewInt(minor))
}

// anyHold is a hold that was placed, or one that never was.
func (md *model) anyHold(t *rapid.T) (uuid.UUID, *modelHold) {
	var known []uuid.UUID
	for id := range md.holds {
		known = append(known, id)
	}
	if len(known) == 0 {
		var wallets []uuid.UUID
		for w := range md.posted {
			if w != md.bank {
				wallets = append(wallets, w)
			}
		}
		sortIDs(wallets)
		return ids.New(noon), &modelHold{account: wallets[0]}
	}
	sortIDs(known)
	id := rapid.SampledFrom(known).Draw(t, "hold")
	return id, md.holds[id]
}

func sortIDs(all []uuid.UUID) {
	slices.SortFunc(all, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func (md *model) equal(t *rapid.T, wallets []uuid.UUID, balance func(uuid.UUID) ledger.Balance) {
	total := new(big.Int).Neg(md.posted[md.bank])
	for _, id := range wallets {
		b := balance(id)
		require.Equal(t, md.posted[id].Int64(), b.Posted)
		require.Equal(t, md.held[id].Int64(), b.Held)
		require.GreaterOrEqual(t, b.Available, int64(0))
		total.Add(total, md.posted[id])
	}
	require.Zero(t, total.Sign(), "the bank has what the wallets have")
	require.Equal(t, md.posted[md.bank].Int64(), balance(md.bank).Posted)
}

func TestApplyDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := ledger.NewState(ledger.StateOptions{Now: noon, Location: barbados, Codes: secret.EphemeralKeyring().PINPepper})
		bank, wallets := ids.New(noon), []uuid.UUID{ids.New(noon), ids.New(noon), ids.New(noon)}
		st.AddAccount(ledger.Account{ID: bank, Product: ledger.Trust, Currency: money.BBD, Status: ledger.Active}, ledger.Balance{})
		for _, w := range wallets {
			st.AddAccount(ledger.Account{ID: w, Product: ledger.Wallet, Currency: money.BBD, Status: ledger.Active,
				Floor: ledger.ZeroFloor()}, ledger.Balance{})
			st.AddCounter(ledger.Count{Subject: w, Rule: "day"}, 0)
		}
		md := newModel(bank, wallets)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			s := md.draw(t, wallets)
			_, err := ledger.Apply(st, s.command)
			require.Equal(t, s.expect(), codeOf(err), "%v", err)
			md.equal(t, wallets, func(id uuid.UUID) ledger.Balance {
				b, _ := st.Balance(id)
				return b
			})
		}
	})
}

func TestWriterDoesWhatTheModelDoes(t *testing.T) {
	m := newMarket(t)
	rapid.Check(t, func(t *rapid.T) {
		m.clock.Advance(24 * time.Hour)
		defer m.clock.Set(noon)
		bank, wallets := m.open(ledger.Trust, nil), m.wallets(3, 0)
		md := newModel(bank, wallets)
		var past []*ledger.Command
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			s := md.draw(t, wallets)
			if len(s.command.Holds) > 0 && s.command.Holds[0].Action == ledger.Place {
				s.command.Holds[0].Hold.ExpiresAt = m.clock.Now().Add(time.Hour)
			}
			_, err := m.submit(s.command)
			want := s.expect()
			require.Equal(t, want, codeOf(err), "%v", err)
			if kept(want) {
				md.answered[s.command.Key] = want
				past = append(past, s.command)
			}
		}
		if len(past) > 0 {
			again := rapid.SampledFrom(past).Draw(t, "again")
			r, err := m.submit(again)
			require.True(t, r.Replayed)
			require.Equal(t, md.answered[again.Key], codeOf(err))
		}
		md.equal(t, wallets, m.balance)
		for _, w := range wallets {
			require.Equal(t, md.used[w], m.count("select coalesce(sum(used), 0)::bigint from counters where subject = $1", w))
		}
		m.check()
	})
}

// kept is the HTTP contract's rule: results, 422 and 409 are stored.
func kept(code fault.Code) bool {
	return code != fault.OTPInvalid && code != fault.ValidationError && code != fault.NotFound
}
