package payments

import (
	"context"

	"github.com/google/uuid"

	"nova/core/agents"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/sql"
)

// swapped are the lines that undo a posting: each account's on its other side. What is not there any more is not written
// down below zero but where it went: commission that was paid out is owed by the agent, and a debt that was repaid is
// given back to the wallet that repaid it. The sum stays.
func (s *Service) swapped(ctx context.Context, tx *sql.Tx, r *recovery) ([]ledger.Line, error) {
	var b book
	for _, side := range r.sides {
		owed, err := s.instead(ctx, tx, r, side)
		if err != nil {
			return nil, err
		}
		b.debit(side.Account, side.Minor-owed.minor)
		b.debit(owed.account, owed.minor)
	}
	return b.lines, nil
}

// part is an amount that another account takes, as debits go.
type part struct {
	account uuid.UUID
	minor   int64
}

// instead is the part of a side that its account lacks, and the account that takes it.
func (s *Service) instead(ctx context.Context, tx *sql.Tx, r *recovery, side side) (part, error) {
	switch {
	case side.Product == ledger.Commission && side.Minor > max(0, side.Available):
		account, err := s.agentReceivable(ctx, tx, r.original.Agent)
		return part{account, side.Minor - max(0, side.Available)}, err
	case side.Product == ledger.OverdraftReceivable && -side.Minor > max(0, side.Posted):
		return part{r.original.From.Account, side.Minor + max(0, side.Posted)}, nil
	default:
		return part{}, nil
	}
}

// book gathers lines, one an account.
type book struct{ lines []ledger.Line }

// debit adds to what an account is debited with, or credited below zero.
func (b *book) debit(account uuid.UUID, minor int64) {
	for i := range b.lines {
		if l := &b.lines[i]; l.Account == account {
			if l.Side == ledger.Credit {
				minor -= l.Minor
			} else {
				minor += l.Minor
			}
			b.lines = append(b.lines[:i], b.lines[i+1:]...)
			break
		}
	}
	switch {
	case minor > 0:
		b.lines = append(b.lines, ledger.Line{Account: account, Side: ledger.Debit, Minor: minor})
	case minor < 0:
		b.lines = append(b.lines, ledger.Line{Account: account, Side: ledger.Credit, Minor: -minor})
	}
}

// agentReceivable is the account of what an agent owes, opened when it is first needed.
func (s *Service) agentReceivable(ctx context.Context, tx *sql.Tx, agent uuid.UUID) (uuid.UUID, error) {
	owned := ledger.Owned{
		OwnerKind: agents.AgentOwnerKind, OwnerID: agent.String(), Product: ledger.AgentReceivable, Currency: s.currency,
	}
	id, err := s.store.accountOf(ctx, tx, owned)
	if err != nil || id != uuid.Nil {
		return id, err
	}
	id = ids.New(s.clock.Now())
	err = s.ledger.OpenIn(ctx, tx, ledger.Account{
		ID: id, OwnerKind: owned.OwnerKind, OwnerID: owned.OwnerID, Product: owned.Product, Currency: owned.Currency,
		Floor: ledger.ZeroFloor(), Name: string(owned.Product),
	})
	if fault.Is(err, fault.DuplicateEntity) {
		return uuid.Nil, moved(err) // another claim opened it just now
	}
	return id, err
}
