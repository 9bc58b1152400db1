package payments

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"time"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
)

const (
	// CodeLife is how long a withdrawal code is good for: a walk to an agent.
	CodeLife = 30 * time.Minute
	// codeDigits is what a person reads to an agent without a mistake; three tries make a guess 1 in 333,333.
	codeDigits = 6
)

// CodeOrder confirms that a customer reserves money and gets a code for it.
type CodeOrder struct {
	Order
	From   uuid.UUID
	Amount money.Amount
}

// Code is a live withdrawal code. Secret is empty where it was not asked for with a PIN.
type Code struct {
	Hold      uuid.UUID
	Secret    secret.Text
	Amount    money.Amount
	Fee       money.Amount
	ExpiresAt time.Time
}

// QuoteCode prices a withdrawal code. Errors as QuoteCashOut's, and INVALID_STATE while another code is live.
func (s *Service) QuoteCode(ctx context.Context, from uuid.UUID, ask Ask) (Quote, error) {
	d, _, err := s.codeDeal(ctx, from, ask)
	if err != nil {
		return Quote{}, err
	}
	if _, live, err := s.LiveCode(ctx, from); err != nil || live {
		return Quote{}, oneCode(from, err)
	}
	if err := d.limits.Check(d.operation()); err != nil {
		return Quote{}, err
	}
	total, err := d.total()
	if err != nil {
		return Quote{}, err
	}
	balance, err := s.ledger.Balance(ctx, d.from.Account)
	if err != nil {
		return Quote{}, err
	}
	if err := affordable(d.from.Account, balance, total); err != nil {
		return Quote{}, err
	}
	return Quote{
		Type: d.typ, Amount: d.amount, Fee: d.charge.Fee, Tax: d.charge.Tax, Total: total, From: d.from,
	}, s.within(ctx, d)
}

func oneCode(customer uuid.UUID, err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.InvalidState, "customer %s has a live code", customer)
}

// IssueCode reserves amount and fee and returns the code that an agent redeems them with. The limits are counted when
// money leaves the wallet, not now: a code that is never used costs nothing. The same key answers with the same code
// while it is live.
func (s *Service) IssueCode(ctx context.Context, o CodeOrder) (Code, error) {
	d, c, err := s.codeDeal(ctx, o.From, o.ask(o.Amount))
	if err != nil {
		return Code{}, err
	}
	if err := d.confirmed(o.Order); err != nil {
		return Code{}, err
	}
	hold, err := s.newHold(d)
	if err != nil {
		return Code{}, err
	}
	command, err := s.reserve(d, o.Order, hold, c)
	if err != nil {
		return Code{}, err
	}
	if err := s.clearExpired(ctx, command, d.from.Account); err != nil {
		return Code{}, err
	}
	result, err := s.queue(ctx, d, o.Order, command)
	if err != nil {
		return Code{}, err
	}
	if result.Replayed {
		return s.liveAgain(ctx, o.From, result)
	}
	return Code{Hold: hold.ID, Secret: hold.Code, Amount: d.amount, Fee: d.charge.Fee, ExpiresAt: hold.ExpiresAt}, nil
}

// codeDeal is a cash-out whose agent is not known yet.
func (s *Service) codeDeal(ctx context.Context, from uuid.UUID, ask Ask) (*deal, customers.Customer, error) {
	payer, err := s.payer(ctx, from, customers.CashOut, ask.Channel)
	if err != nil {
		return nil, customers.Customer{}, err
	}
	d := s.newDeal(transactions.CashOut, ask)
	d.from = customerParty(payer)
	d.limited = d.from
	d.proving, d.promisee = payer.Subject(), toldCustomer(payer)
	return d, payer, s.price(d)
}

// newHold makes a code and the hold that it redeems. The tax that was part of the shown fee stays with it.
func (s *Service) newHold(d *deal) (ledger.Hold, error) {
	total, err := d.total()
	if err != nil {
		return ledger.Hold{}, err
	}
	code, err := newCode()
	if err != nil {
		return ledger.Hold{}, err
	}
	id := ids.New(d.now)
	sealed, err := s.keyring.Field.Seal([]byte(code.Reveal()), holdAAD(id))
	if err != nil {
		return ledger.Hold{}, fmt.Errorf("seal code: %w", err)
	}
	return ledger.Hold{
		ID: id, Account: d.from.Account, Kind: ledger.WithdrawalCode, Minor: total.Minor, Fee: d.charge.Fee.Minor,
		Status: ledger.HoldActive, Code: code, CodeSealed: sealed, Reason: string(ledger.WithdrawalCode),
		Metadata:  map[string]string{metaTariff: d.charge.Version, metaTax: d.charge.Tax.String()},
		CreatedAt: d.now, ExpiresAt: d.now.Add(CodeLife),
	}, nil
}

// What a hold remembers of the price that its owner saw.
const (
	metaTariff = "tariff"
	metaTax    = "tax"
)

func (s *Service) reserve(d *deal, o Order, hold ledger.Hold, c customers.Customer) (*ledger.Command, error) {
	if err := d.limits.Check(d.operation()); err != nil {
		return nil, err
	}
	notice := outbox.Notice{
		ID: ids.New(d.now), Template: NoticeCodeIssued, To: c.MSISDN, Language: c.Language,
		Args: map[string]string{
			"amount": d.amount.Format(), "fee": d.fee(), "currency": string(s.currency),
			"until": hold.ExpiresAt.In(s.location).Format("15:04"),
		},
		Dedupe: NoticeCodeIssued + ":" + hold.ID.String(),
	}
	var err error
	notice.Sealed, err = s.keyring.Field.Seal([]byte(hold.Code.Reveal()), NoticeAAD(notice.ID))
	if err != nil {
		return nil, fmt.Errorf("seal code for its notice: %w", err)
	}
	shown := o.FeeShown.Minor
	return &ledger.Command{
		Key: o.Key, Body: s.body(d, o), Keep: true, Check: o.Proof.Check(), Currency: s.currency,
		Holds: []ledger.HoldMove{ledger.PlaceHold(hold)}, FeeShown: &shown, Fee: d.charge.Fee.Minor,
		Notices: []outbox.Notice{notice}, Extra: d.extra(),
	}, nil
}

// clearExpired lets the command end a hold whose time is over and that the worker has not met yet: it must not stand
// in the way of a new code.
func (s *Service) clearExpired(ctx context.Context, c *ledger.Command, wallet uuid.UUID) error {
	overdue, err := s.store.overdueCode(ctx, s.db, wallet, s.clock.Now())
	if err != nil || overdue == uuid.Nil {
		return err
	}
	expire := ledger.HoldMove{Action: ledger.Expire, ID: overdue}
	c.Holds = append([]ledger.HoldMove{expire}, c.Holds...)
	return nil
}

// newCode draws six digits, each as likely as any other.
func newCode() (secret.Text, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(codeDigits), nil)
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return secret.Text{}, fmt.Errorf("draw a code: %w", err)
	}
	return secret.New(fmt.Sprintf("%0*d", codeDigits, n)), nil
}

// holdAAD binds the copy of a code to its hold.
func holdAAD(hold uuid.UUID) string { return "holds|code_sealed|" + hold.String() }
