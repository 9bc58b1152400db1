package rest

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/ids"
	"nova/core/money"
	"nova/core/products"
)

type grantLineInput struct {
	Body struct {
		AccountID string     `json:"account_id" doc:"A customer's wallet, or one that the client opened" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		Limit     MoneyInput `json:"limit" doc:"The most that may be owed after a draw, its fee included; zero draws nothing"`
		FeeBPS    int        `json:"fee_bps" doc:"Fee of a draw, in basis points of it, tax included" example:"200" minimum:"0" maximum:"10000"`
		RateBPS   int        `json:"annual_rate_bps" doc:"Yearly rate of what is owed, in basis points" example:"2400" minimum:"0" maximum:"10000"`
		ExpiresAt time.Time  `json:"expires_at" doc:"Ends new draws; what is owed stays owed" example:"2027-11-21T14:00:00Z"`
	}
}

type changeLineInput struct {
	Body struct {
		AccountID string      `json:"account_id" doc:"The account that has the line" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		Limit     *MoneyInput `json:"limit,omitempty"`
		FeeBPS    *int        `json:"fee_bps,omitempty" example:"200" minimum:"0" maximum:"10000"`
		RateBPS   *int        `json:"annual_rate_bps,omitempty" doc:"From today on" example:"2400" minimum:"0" maximum:"10000"`
		ExpiresAt *time.Time  `json:"expires_at,omitempty" doc:"A new time makes an expired line active again" example:"2027-11-21T14:00:00Z"`
		Status    string      `json:"status,omitempty" enum:"active,suspended,closed" doc:"A closed line stays closed" example:"suspended"`
	}
}

// OverdraftLine is how much an account may owe, and on what terms.
type OverdraftLine struct {
	AccountID string `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Limit     Amount `json:"limit"`
	FeeBPS    int    `json:"fee_bps" example:"200"`
	RateBPS   int    `json:"annual_rate_bps" example:"2400"`
	Status    string `json:"status" enum:"active,suspended,expired,closed" example:"active"`
	ExpiresAt Time   `json:"expires_at"`
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

func lineOf(l products.Overdraft) OverdraftLine {
	return OverdraftLine{
		AccountID: ids.Format(ids.Account, l.Account), Limit: amountOf(l.Limit), FeeBPS: l.FeeBPS, RateBPS: l.RateBPS,
		Status: string(l.Status), ExpiresAt: Time(l.ExpiresAt), CreatedAt: Time(l.CreatedAt), UpdatedAt: Time(l.UpdatedAt),
	}
}

type overdraftLineOutput struct{ Body OverdraftLine }

// grantLine answers POST /v1/core/overdraft-lines.
func (a *api) grantLine(ctx context.Context, in *grantLineInput) (*overdraftLineOutput, error) {
	n := products.NewLine{FeeBPS: in.Body.FeeBPS, RateBPS: in.Body.RateBPS, ExpiresAt: in.Body.ExpiresAt}
	var err error
	if n.By, n.Client, err = decider(ctx); err != nil {
		return nil, err
	}
	if n.Account, err = accountNamed(in.Body.AccountID); err != nil {
		return nil, err
	}
	if n.Limit, err = in.Body.Limit.orZero("limit", money.Currency(in.Body.Limit.Currency)); err != nil {
		return nil, err
	}
	return lineAnswer(a.Products.GrantLine(ctx, n))
}

// changeLine answers PATCH /v1/core/overdraft-lines.
func (a *api) changeLine(ctx context.Context, in *changeLineInput) (*overdraftLineOutput, error) {
	ch := products.LineChange{FeeBPS: in.Body.FeeBPS, RateBPS: in.Body.RateBPS, ExpiresAt: in.Body.ExpiresAt}
	var err error
	if ch.By, ch.Client, err = decider(ctx); err != nil {
		return nil, err
	}
	if ch.Account, err = accountNamed(in.Body.AccountID); err != nil {
		return nil, err
	}
	if in.Body.Limit != nil {
		limit, err := in.Body.Limit.orZero("limit", money.Currency(in.Body.Limit.Currency))
		if err != nil {
			return nil, err
		}
		ch.Limit = &limit
	}
	if in.Body.Status != "" {
		status := products.LineStatus(in.Body.Status)
		ch.Status = &status
	}
	return lineAnswer(a.Products.ChangeLine(ctx, ch))
}

func lineAnswer(l products.Overdraft, err error) (*overdraftLineOutput, error) {
	if err != nil {
		return nil, err
	}
	return &overdraftLineOutput{Body: lineOf(l)}, nil
}

// accountNamed reads an account's id; a customer's wallet may be named as one.
func accountNamed(text string) (uuid.UUID, error) {
	if id, err := ids.Parse(ids.Wallet, text); err == nil {
		return id, nil
	}
	id, err := ids.Parse(ids.Account, text)
	if err != nil {
		return id, malformed("account_id", err)
	}
	return id, nil
}

type overdraftLinesInput struct {
	AccountID string `query:"account_id" doc:"The line of this account only" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
	PageSize  int    `query:"page_size" doc:"How many at most" default:"50" minimum:"1" maximum:"100"`
	PageToken string `query:"page_token" doc:"next_page_token of the page before" maxLength:"64"`
}

// OverdraftLineList is one page of lines.
type OverdraftLineList struct {
	Page
	Data []OverdraftLine `json:"data" nullable:"false"`
}

type overdraftLinesOutput struct{ Body OverdraftLineList }

// overdraftLines answers GET /v1/core/overdraft-lines.
func (a *api) overdraftLines(ctx context.Context, in *overdraftLinesInput) (*overdraftLinesOutput, error) {
	filter := products.LineFilter{Most: in.PageSize + 1} // one more than the page holds tells whether there is another
	var err error
	if _, filter.Client, err = decider(ctx); err != nil {
		return nil, err
	}
	if in.AccountID != "" {
		if filter.Account, err = accountNamed(in.AccountID); err != nil {
			return nil, err
		}
	}
	if in.PageToken != "" {
		if filter.After, err = ids.Parse(ids.Account, in.PageToken); err != nil {
			return nil, malformed("page_token", err)
		}
	}
	found, err := a.Products.Lines(ctx, filter)
	if err != nil {
		return nil, err
	}
	out := &overdraftLinesOutput{Body: OverdraftLineList{Page: Page{Object: listObject}, Data: []OverdraftLine{}}}
	if len(found) > in.PageSize {
		found = found[:in.PageSize]
		out.Body.HasMore, out.Body.NextPageToken = true, ids.Format(ids.Account, found[len(found)-1].Account)
	}
	for _, l := range found {
		out.Body.Data = append(out.Body.Data, lineOf(l))
	}
	return out, nil
}
