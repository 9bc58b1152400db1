package rest

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"nova/core/bank"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/transactions"
)

type checkLimitsInput struct {
	Body struct {
		AccountID  string     `json:"account_id,omitempty" doc:"An account of the client's; or customer_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		CustomerID string     `json:"customer_id,omitempty" doc:"A customer of Nova's; or account_id" maxLength:"64"`
		Operation  string     `json:"operation" enum:"cashin,cashout,p2p,p2p_assist,merchant_payment,savings_deposit,savings_withdrawal,overdraft_draw,overdraft_repay" example:"p2p"`
		Amount     MoneyInput `json:"amount"`
		Channel    string     `json:"channel" enum:"ussd,app,agent_app,api,console" example:"api"`
	}
}

// LimitCheckResponse tells whether an operation would pass, and how far each limit is used. It reserves nothing.
type LimitCheckResponse struct {
	Decision string       `json:"decision" enum:"allow,deny,challenge" doc:"challenge: not in this tier, but once the customer is identified further" example:"allow"`
	Limits   []LimitUsage `json:"limits"`
	Reason   string       `json:"reason,omitempty" doc:"The error code that the operation would be refused with" example:"LIMIT_EXCEEDED"`
}

// LimitUsage is one limit. Figures of a limit by value are amounts, those of one by count are whole numbers.
type LimitUsage struct {
	Rule      string `json:"rule" example:"out"`
	Unit      string `json:"unit" enum:"value,count" example:"value"`
	Window    string `json:"window" enum:"transaction,daily,weekly,monthly,balance" example:"daily"`
	Max       string `json:"max" example:"1000.00"`
	Used      string `json:"used" example:"700.00"`
	Remaining string `json:"remaining" example:"300.00"`
}

type checkLimitsOutput struct{ Body LimitCheckResponse }

// checkLimits answers POST /v1/core/limits/check.
func (a *api) checkLimits(ctx context.Context, in *checkLimitsInput) (*checkLimitsOutput, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	v, err := a.Bank.CheckLimits(ctx, client, q)
	if err != nil {
		return nil, err
	}
	body := LimitCheckResponse{
		Decision: string(v.Decision), Limits: make([]LimitUsage, len(v.Limits)), Reason: string(v.Reason),
	}
	for i, l := range v.Limits {
		body.Limits[i] = usageOf(l, q.Amount.Currency)
	}
	return &checkLimitsOutput{Body: body}, nil
}

func (in *checkLimitsInput) question() (bank.Question, error) {
	q := bank.Question{
		Operation: transactions.Type(in.Body.Operation), Channel: transactions.Channel(in.Body.Channel),
	}
	var err error
	if in.Body.AccountID != "" {
		if q.Account, err = ids.Parse(ids.Account, in.Body.AccountID); err != nil {
			return q, malformed("account_id", err)
		}
	}
	if in.Body.CustomerID != "" {
		if q.Customer, err = customerID(in.Body.CustomerID); err != nil {
			return q, malformed("customer_id", err)
		}
	}
	q.Amount, err = in.Body.Amount.parse("amount")
	return q, err
}

// customerID reads a customer's id, which some clients write with the prefix of a user.
func customerID(text string) (uuid.UUID, error) {
	if id, err := ids.Parse(ids.User, text); err == nil {
		return id, nil
	}
	return ids.Parse(ids.Customer, text)
}

func usageOf(l bank.Limit, c money.Currency) LimitUsage {
	figure, unit := func(n int64) string { return money.Of(n, c).String() }, "value"
	if l.Counts {
		figure, unit = func(n int64) string { return strconv.FormatInt(n, 10) }, "count"
	}
	return LimitUsage{
		Rule: l.Rule, Unit: unit, Window: l.Window, Max: figure(l.Max), Used: figure(l.Used), Remaining: figure(l.Remaining()),
	}
}

// IntegrityReport is what reading the whole books found.
type IntegrityReport struct {
	Status    string `json:"status" enum:"sound,broken,running" doc:"running: the books are being read, and whoever asks again gets the answer" example:"sound"`
	Accounts  int64  `json:"accounts" example:"120"`
	Postings  int64  `json:"postings" example:"4711"`
	Entries   int64  `json:"entries" example:"9611"`
	Seals     int64  `json:"seals" doc:"Links of the chains, each hashed again with its postings" example:"4630"`
	Breach    string `json:"breach,omitempty" doc:"The first rule that is broken, and where" example:"every posting balances: pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	StartedAt Time   `json:"started_at"`
	EndedAt   *Time  `json:"ended_at,omitempty"`
}

type integrityOutput struct{ Body IntegrityReport }

// integrity answers GET /v1/core/integrity. The books are read at most once a minute, whoever asks.
func (a *api) integrity(ctx context.Context, _ *struct{}) (*integrityOutput, error) {
	p, err := a.Bank.Integrity(ctx)
	if err != nil {
		return nil, err
	}
	body := IntegrityReport{
		Status: "sound", Accounts: p.Accounts, Postings: p.Postings, Entries: p.Entries, Seals: p.Seals,
		Breach: p.Breach, StartedAt: Time(p.StartedAt), EndedAt: timeOrNone(p.EndedAt),
	}
	switch {
	case p.EndedAt.IsZero():
		body.Status = "running"
	case p.Breach != "":
		body.Status = "broken"
	}
	return &integrityOutput{Body: body}, nil
}
