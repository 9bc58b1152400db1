package rest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"nova/channels/web"
	"nova/core/bank"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/products"
)

// ScopeCoreProducts lets its holder see savings products and overdraft lines, and with the purpose change them.
const ScopeCoreProducts = "core.products"

// Products keeps savings products and overdraft lines. *products.Service is it.
type Products interface {
	SetTerms(ctx context.Context, n products.NewTerms) (products.Product, error)
	Products(ctx context.Context, afterCode string, afterDay clock.Day, n int) ([]products.Product, error)
	GrantLine(ctx context.Context, n products.NewLine) (products.Overdraft, error)
	ChangeLine(ctx context.Context, ch products.LineChange) (products.Overdraft, error)
	Lines(ctx context.Context, f products.LineFilter) ([]products.Overdraft, error)
}

// mountProducts adds the operations on savings products and overdraft lines.
func (a *api) mountProducts(app *web.App) {
	view := web.Needs(policy.CustomerAccountView, ScopeCoreProducts)
	configure := web.Needs(policy.ConfigChange, ScopeCoreProducts)

	web.Register(app, change("savings_product_set", http.MethodPost, "/v1/core/savings-products",
		"Make a savings product, or give one new terms from a day on", http.StatusCreated, configure), a.setSavingsProduct)
	web.Register(app, get("savings_product_list", "/v1/core/savings-products", coreTag,
		"Savings products with the terms in force and to come", view), a.savingsProducts)
	web.Register(app, change("overdraft_line_grant", http.MethodPost, "/v1/core/overdraft-lines",
		"Give an account an overdraft line", http.StatusCreated, configure), a.grantLine)
	web.Register(app, get("overdraft_line_list", "/v1/core/overdraft-lines", coreTag,
		"Overdraft lines", view), a.overdraftLines)
	web.Register(app, change("overdraft_line_change", http.MethodPatch, "/v1/core/overdraft-lines",
		"Change an overdraft line", http.StatusOK, configure), a.changeLine)
}

// TierInput is a slice of the balance with a rate of its own.
type TierInput struct {
	From    MoneyInput  `json:"from" doc:"Where the slice begins; may be zero"`
	UpTo    *MoneyInput `json:"up_to,omitempty" doc:"Where it ends; left out for the last one, which has no end"`
	RateBPS int         `json:"annual_rate_bps" doc:"Yearly rate of what lies in the slice, in basis points" example:"300" minimum:"0" maximum:"10000"`
}

type setSavingsProductInput struct {
	Body struct {
		Code          string      `json:"code" doc:"A new one makes a product, a known one gives it new terms" example:"nova-savings" pattern:"^[a-z0-9][a-z0-9_-]{0,31}$"`
		Name          string      `json:"name,omitempty" doc:"What handsets and messages call it; of a new product" example:"Nova Savings" maxLength:"20"`
		Currency      string      `json:"currency" doc:"ISO 4217 code: the market's" example:"BBD" pattern:"^[A-Z]{3}$"`
		RateBPS       int         `json:"annual_rate_bps" doc:"Yearly rate of what no tier covers, in basis points" example:"250" minimum:"0" maximum:"10000"`
		DayCount      int         `json:"day_count,omitempty" doc:"Days of a year, leap years too" enum:"365" default:"365" example:"365"`
		Accrual       string      `json:"accrual,omitempty" enum:"daily" default:"daily" example:"daily"`
		Posting       string      `json:"posting,omitempty" enum:"monthly" default:"monthly" example:"monthly"`
		Minimum       *MoneyInput `json:"minimum_balance,omitempty" doc:"What must stay on an account that is opened under these terms; zero if left out"`
		Tiers         []TierInput `json:"tiers,omitempty" nullable:"false" maxItems:"10" doc:"In the order of their amounts, without an overlap"`
		EffectiveFrom string      `json:"effective_from,omitempty" doc:"First day of the terms, in market time; if left out today for a new product, and else tomorrow" format:"date" example:"2026-12-01"`
	}
}

// Tier is a slice of the balance with a rate of its own.
type Tier struct {
	From    Amount  `json:"from"`
	UpTo    *Amount `json:"up_to,omitempty" doc:"Absent for a slice without end"`
	RateBPS int     `json:"annual_rate_bps" example:"300"`
}

// SavingsProduct is a product with the terms of one of its versions.
type SavingsProduct struct {
	Code          string `json:"code" example:"nova-savings"`
	Name          string `json:"name" example:"Nova Savings"`
	Currency      string `json:"currency" example:"BBD"`
	RateBPS       int    `json:"annual_rate_bps" example:"250"`
	DayCount      int    `json:"day_count" example:"365"`
	Accrual       string `json:"accrual" example:"daily"`
	Posting       string `json:"posting" example:"monthly"`
	Minimum       Amount `json:"minimum_balance"`
	Tiers         []Tier `json:"tiers" nullable:"false"`
	EffectiveFrom string `json:"effective_from" format:"date" example:"2026-12-01"`
	CreatedAt     Time   `json:"created_at" doc:"When the product was made"`
}

func savingsProductOf(p products.Product) SavingsProduct {
	body := SavingsProduct{
		Code: p.Code, Name: p.Name, Currency: string(p.Currency), RateBPS: p.RateBPS, DayCount: products.DayCount,
		Accrual: "daily", Posting: "monthly", Minimum: amountOf(p.Minimum), Tiers: []Tier{},
		EffectiveFrom: string(p.From), CreatedAt: Time(p.CreatedAt),
	}
	for _, t := range p.Tiers {
		tier := Tier{From: amountOf(money.Of(t.From, p.Currency)), RateBPS: t.BPS}
		if t.UpTo > 0 {
			end := amountOf(money.Of(t.UpTo, p.Currency))
			tier.UpTo = &end
		}
		body.Tiers = append(body.Tiers, tier)
	}
	return body
}

type savingsProductOutput struct{ Body SavingsProduct }

// setSavingsProduct answers POST /v1/core/savings-products.
func (a *api) setSavingsProduct(ctx context.Context, in *setSavingsProductInput) (*savingsProductOutput, error) {
	by, _, err := decider(ctx)
	if err != nil {
		return nil, err
	}
	n := products.NewTerms{Code: in.Body.Code, Name: in.Body.Name, Currency: money.Currency(in.Body.Currency), MadeBy: by}
	n.RateBPS, n.Minimum = in.Body.RateBPS, money.Of(0, n.Currency)
	if in.Body.Minimum != nil {
		if n.Minimum, err = in.Body.Minimum.orZero("minimum_balance", n.Currency); err != nil {
			return nil, err
		}
	}
	if n.Tiers, err = tiers(in.Body.Tiers, n.Currency); err != nil {
		return nil, err
	}
	if in.Body.EffectiveFrom != "" {
		if n.From, err = clock.ParseDay(in.Body.EffectiveFrom); err != nil {
			return nil, fault.From(err).Field("effective_from", "is not a date as YYYY-MM-DD")
		}
	}
	made, err := a.Products.SetTerms(ctx, n)
	if err != nil {
		return nil, err
	}
	return &savingsProductOutput{Body: savingsProductOf(made)}, nil
}

func tiers(in []TierInput, c money.Currency) ([]products.Tier, error) {
	var all []products.Tier
	for i, t := range in {
		field := fmt.Sprintf("tiers[%d]", i)
		from, err := t.From.orZero(field+".from", c)
		if err != nil {
			return nil, err
		}
		tier := products.Tier{From: from.Minor, BPS: t.RateBPS}
		if t.UpTo != nil {
			end, err := t.UpTo.parse(field + ".up_to")
			if err == nil {
				err = sameCurrency(field+".up_to", end, c)
			}
			if err != nil {
				return nil, err
			}
			tier.UpTo = end.Minor
		}
		all = append(all, tier)
	}
	return all, nil
}

// orZero reads an amount of a currency that may be nothing.
func (m MoneyInput) orZero(field string, c money.Currency) (money.Amount, error) {
	amount, err := money.Parse(m.Amount, money.Currency(m.Currency))
	if err != nil {
		return amount, within(field, err)
	}
	return amount, sameCurrency(field, amount, c)
}

func sameCurrency(field string, a money.Amount, c money.Currency) error {
	if a.Currency == c {
		return nil
	}
	return fault.New(fault.CurrencyMismatch, "%s in %s, not %s", field, a.Currency, c).Field(field, "is in another currency")
}

// SavingsProductList is one page of products.
type SavingsProductList struct {
	Page
	Data []SavingsProduct `json:"data" nullable:"false"`
}

type savingsProductsInput struct {
	PageSize  int    `query:"page_size" doc:"How many at most" default:"50" minimum:"1" maximum:"100"`
	PageToken string `query:"page_token" doc:"next_page_token of the page before" pattern:"^[a-z0-9][a-z0-9_-]{0,31}\\.[0-9]{4}-[0-9]{2}-[0-9]{2}$"`
}

type savingsProductsOutput struct{ Body SavingsProductList }

// pageMark parts a product's code from its day in a page token; no code holds it.
const pageMark = "."

// savingsProducts answers GET /v1/core/savings-products.
func (a *api) savingsProducts(ctx context.Context, in *savingsProductsInput) (*savingsProductsOutput, error) {
	code, from, _ := strings.Cut(in.PageToken, pageMark)
	day := clock.Day("")
	if in.PageToken != "" {
		var err error
		if day, err = clock.ParseDay(from); err != nil || day < "1970-01-01" {
			return nil, fault.New(fault.ValidationError, "page token of %q", from).Field("page_token", "was not given for this list")
		}
	}
	// One more than the page holds tells whether there is another.
	found, err := a.Products.Products(ctx, code, day, in.PageSize+1)
	if err != nil {
		return nil, err
	}
	out := &savingsProductsOutput{Body: SavingsProductList{Page: Page{Object: listObject}, Data: []SavingsProduct{}}}
	if len(found) > in.PageSize {
		found = found[:in.PageSize]
		last := found[len(found)-1]
		out.Body.HasMore, out.Body.NextPageToken = true, last.Code+pageMark+string(last.From)
	}
	for _, p := range found {
		out.Body.Data = append(out.Body.Data, savingsProductOf(p))
	}
	return out, nil
}

// decider is who changes terms, by name, and as the opener of accounts that the ledger knows: only clients open any.
func decider(ctx context.Context) (by, opener string, err error) {
	caller, ok := web.Caller(ctx)
	if !ok {
		return "", "", fault.New(fault.Unauthorized, "terms without a caller")
	}
	if client, err := clientOf(ctx); err == nil {
		opener = bank.Opener(client)
	}
	return caller.Subject().Scope(), opener, nil
}
