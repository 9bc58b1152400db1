package commissions

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
)

const (
	// operationNet is the operation of the keys that netting stores its outcome under.
	operationNet = "net commission"
	// maxNets bounds how often netting is computed anew because a reversal took commission at the same moment.
	maxNets = 5
	// extraNetted is the stored result's amount, in minor units.
	extraNetted = "netted"
)

// standing is what an agent has on the commission account and owes, in minor units.
type standing struct {
	receivable   uuid.UUID // zero where nothing was ever owed
	earned, owed int64
}

func (s *Service) standing(ctx context.Context, a agents.Agent) (standing, error) {
	var stand standing
	owes, err := s.o.Ledger.AccountOf(ctx, ledger.Owned{
		OwnerKind: agents.AgentOwnerKind, OwnerID: a.ID.String(), Product: ledger.AgentReceivable, Currency: s.o.Currency,
	})
	switch {
	case err == nil:
		stand.receivable = owes.ID
	case !fault.Is(err, fault.NotFound):
		return standing{}, err
	}
	balances, err := s.o.Ledger.Balances(ctx, []uuid.UUID{a.Commission, stand.receivable})
	stand.earned, stand.owed = balances[a.Commission].Available, balances[stand.receivable].Posted
	return stand, err
}

// Net gives what an agent has earned to what they owe, as far as it goes, and returns how much that was. It comes before
// every payout, so that commission which was clawed back is not paid out a second time. The same key nets
// at most once.
func (s *Service) Net(ctx context.Context, key ledger.Key, agent uuid.UUID) (money.Amount, error) {
	a, err := s.o.Agents.AgentByID(ctx, agent)
	if err != nil {
		return money.Amount{}, err
	}
	for try := range maxNets {
		// A refusal is stored for ever, so each try has a key of its own.
		netted, err := s.net(ctx, ledger.Key{
			Scope: key.Scope, Operation: operationNet, Value: fmt.Sprintf("%s/%s/%d", key.Operation, key.Value, try),
		}, a)
		if !fault.Is(err, fault.InsufficientFunds) {
			return netted, err
		}
	}
	return money.Amount{}, fault.New(fault.ServiceUnavailable, "commission of agent %s moved %d times", agent, maxNets)
}

func (s *Service) net(ctx context.Context, key ledger.Key, a agents.Agent) (money.Amount, error) {
	result, found, err := s.o.Ledger.Outcome(ctx, key)
	if found || err != nil {
		return s.netted(result, err)
	}
	stand, err := s.standing(ctx, a)
	if err != nil {
		return money.Amount{}, err
	}
	minor := min(stand.earned, stand.owed)
	if minor <= 0 {
		return money.Of(0, s.o.Currency), nil
	}
	result, err = s.o.Writer.Submit(ctx, &ledger.Command{
		Key: key, Body: s.o.Identity.Body(operationNet, a.ID.String()), Currency: s.o.Currency,
		Posting: ids.New(s.o.Clock.Now()), Narration: operationNet,
		Lines: []ledger.Line{
			{Account: a.Commission, Side: ledger.Debit, Minor: minor},
			{Account: stand.receivable, Side: ledger.Credit, Minor: minor},
		},
		Extra: map[string]string{extraNetted: strconv.FormatInt(minor, 10)},
	})
	return s.netted(result, err)
}

// netted renders a result.
func (s *Service) netted(r ledger.Result, err error) (money.Amount, error) {
	if err != nil {
		return money.Amount{}, err
	}
	minor, err := strconv.ParseInt(r.Extra[extraNetted], 10, 64)
	return money.Of(minor, s.o.Currency), err
}
