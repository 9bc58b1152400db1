package bank

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/transactions"
)

// maxTier is the highest KYC tier: a challenge looks no further.
const maxTier = 3

// Decision says whether an operation would pass the limits now.
type Decision string

// The decisions. Challenge is a no that the customer can lift by being identified further: a higher tier may do it.
const (
	Allow     Decision = "allow"
	Deny      Decision = "deny"
	Challenge Decision = "challenge"
)

// Question is what somebody wants to do: the owner of an account of the client's, or a customer.
type Question struct {
	Account, Customer uuid.UUID // one of them
	Operation         transactions.Type
	Amount            money.Amount
	Channel           transactions.Channel
}

// Verdict is the answer. It reserves nothing: what decides is the posting itself. Reason is the code that a refusal
// would have, empty for Allow.
type Verdict struct {
	Decision Decision
	Limits   []Limit
	Reason   fault.Code
}

// Limit is how far one bound is used. Window is "transaction", "daily", "weekly", "monthly" or "balance". Figures are
// minor units, or for a bound by count a number of operations.
type Limit struct {
	Rule, Window string
	Counts       bool
	Max, Used    int64
}

// Remaining is what the bound still leaves.
func (l Limit) Remaining() int64 { return max(0, l.Max-l.Used) }

// limited is whose limits are asked for.
type limited struct {
	subject, account uuid.UUID
	tier             int
	refusal          fault.Code // of whoever may do nothing at all now
}

// CheckLimits tells whether an operation would pass the limits now, and how far each is used.
func (s *Service) CheckLimits(ctx context.Context, client uuid.UUID, q Question) (Verdict, error) {
	if !q.Amount.IsPositive() {
		return Verdict{}, fault.New(fault.ValidationError, "amount of %d", q.Amount.Minor).Field("amount", "must be above zero")
	}
	who, err := s.limited(ctx, client, q)
	if err != nil {
		return Verdict{}, err
	}
	book, err := s.limits.At(s.clock.Now())
	if err != nil {
		return Verdict{}, err
	}
	op := limits.Operation{Type: q.Operation, Channel: q.Channel, Tier: who.tier, Amount: q.Amount}
	v, err := s.judge(ctx, book, who, op)
	if err != nil || v.Reason != fault.LimitExceeded {
		return v, err
	}
	for op.Tier = who.tier + 1; op.Tier <= maxTier; op.Tier++ {
		higher, err := s.judge(ctx, book, who, op)
		if err != nil {
			return Verdict{}, err
		}
		if higher.Decision == Allow {
			v.Decision, v.Reason = Challenge, fault.KYCRequired
			return v, nil
		}
	}
	return v, nil
}

// limited finds the subject of the counters: a customer, whoever asks, and otherwise the account's own id.
func (s *Service) limited(ctx context.Context, client uuid.UUID, q Question) (limited, error) {
	if (q.Account == uuid.Nil) == (q.Customer == uuid.Nil) {
		return limited{}, fault.New(fault.ValidationError, "limits of nobody, or of two").
			Field("account_id", "must be given, or customer_id, not both")
	}
	if q.Customer != uuid.Nil {
		c, err := s.customers.ByID(ctx, q.Customer)
		if err != nil {
			return limited{}, err
		}
		return limited{subject: c.ID, account: c.Wallet, tier: c.Tier, refusal: refusalOf(c.Usable())}, nil
	}
	a, err := s.account(ctx, client, q.Account)
	if err != nil {
		return limited{}, err
	}
	who := limited{subject: a.ID, account: a.ID, tier: a.Tier, refusal: refusals[a.Status]}
	if a.OwnerKind == customers.OwnerKind && a.OpenedBy == ledger.OpenedByNova {
		who.subject, err = uuid.Parse(a.OwnerID)
	}
	return who, err
}

// refusals are what an account that takes no postings answers.
var refusals = map[ledger.Status]fault.Code{ledger.Frozen: fault.AccountFrozen, ledger.Closed: fault.AccountClosed}

func refusalOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// judge decides for one tier.
func (s *Service) judge(ctx context.Context, book *limits.Book, who limited, op limits.Operation) (Verdict, error) {
	v := Verdict{Decision: Allow}
	refuse := func(code fault.Code) {
		if v.Decision == Allow {
			v.Decision, v.Reason = Deny, code
		}
	}
	if who.refusal != "" {
		refuse(who.refusal)
	}
	if err := book.Check(op); fault.Is(err, fault.LimitExceeded) {
		refuse(fault.LimitExceeded)
		v.Limits = single(op, fault.From(err))
	} else if err != nil {
		return Verdict{}, err
	}
	counted, err := s.counted(ctx, book.Counters(op, who.subject))
	if err != nil {
		return Verdict{}, err
	}
	for _, l := range counted {
		need := op.Amount.Minor
		if l.Counts {
			need = 1
		}
		if need > l.Remaining() {
			refuse(fault.LimitExceeded)
		}
	}
	v.Limits = append(v.Limits, counted...)
	room, err := s.room(ctx, book, who, op)
	if err != nil {
		return Verdict{}, err
	}
	if room != nil && op.Amount.Minor > room.Remaining() {
		refuse(fault.LimitExceeded)
	}
	if room != nil {
		v.Limits = append(v.Limits, *room)
	}
	return v, nil
}

// single is the bound of one transaction that an amount passed. A minimum is no bound that gets used.
func single(op limits.Operation, f *fault.Error) []Limit {
	most, is := f.Extra["max"].(string)
	if !is {
		return nil
	}
	bound, err := money.Parse(most, op.Amount.Currency)
	if err != nil {
		return nil
	}
	return []Limit{{Rule: string(op.Type), Window: "transaction", Max: bound.Minor}}
}

// counted are the bounds that counters keep.
func (s *Service) counted(ctx context.Context, counts []ledger.Count) ([]Limit, error) {
	if len(counts) == 0 {
		return nil, nil
	}
	used, err := s.ledger.Used(ctx, counts, s.clock.Now(), s.location)
	if err != nil {
		return nil, err
	}
	bounds := make([]Limit, len(counts))
	for i, c := range counts {
		rule, unit, _ := strings.Cut(c.Rule, ":")
		bounds[i] = Limit{Rule: rule, Window: c.Window.String(), Counts: unit == "count", Max: c.Cap, Used: used[i]}
	}
	return bounds, nil
}

// room is the bound of what may stand on a wallet, where the operation brings money in; nil for none.
func (s *Service) room(ctx context.Context, book *limits.Book, who limited, op limits.Operation) (*Limit, error) {
	if op.Type != transactions.CashIn {
		return nil, nil //nolint:nilnil // no bound is an answer, not a failure
	}
	most := book.Cap(op.Tier, who.account)
	if most == nil {
		return nil, nil //nolint:nilnil // as above
	}
	b, err := s.ledger.Balance(ctx, who.account)
	return &Limit{Rule: "balance", Window: "balance", Max: most.Max, Used: b.Posted}, err
}
