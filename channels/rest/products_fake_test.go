package rest_test

import (
	"context"
	"time"

	"nova/channels/rest"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/money"
	"nova/core/products"
)

var _ rest.Products = (*products.Service)(nil)

// fakeProducts words answers; what it decides is decided in core/products, whose own tests say so.
type fakeProducts struct{}

func (fakeProducts) SetTerms(_ context.Context, n products.NewTerms) (products.Product, error) {
	if n.Currency != money.BBD {
		return products.Product{}, fault.New(fault.CurrencyMismatch, "in %s", n.Currency).Field("currency", "is not the market's")
	}
	if n.From == "" {
		n.From = "2026-11-21"
	}
	if n.Name == "" {
		n.Name = "Savings"
	}
	return products.Product{Code: n.Code, Name: n.Name, Currency: n.Currency, Terms: n.Terms, CreatedAt: now}, nil
}

func (f fakeProducts) Products(ctx context.Context, after string, _ clock.Day, n int) ([]products.Product, error) {
	var all []products.Product
	for _, code := range []string{"basic", "nova-savings"} {
		p, err := f.SetTerms(ctx, products.NewTerms{
			Code: code, Currency: money.BBD, Terms: products.Terms{RateBPS: 250, Minimum: money.Of(10_00, money.BBD)},
		})
		if err != nil {
			return nil, err
		}
		if code > after && len(all) < n {
			all = append(all, p)
		}
	}
	return all, nil
}

func (fakeProducts) GrantLine(_ context.Context, n products.NewLine) (products.Overdraft, error) {
	if n.Account != annsWallet && n.Account != marcia {
		return products.Overdraft{}, fault.New(fault.NotFound, "no account").Field("account_id", "is not there")
	}
	return products.Overdraft{
		Account: n.Account, Limit: n.Limit, FeeBPS: n.FeeBPS, RateBPS: n.RateBPS, ExpiresAt: n.ExpiresAt,
		Status: products.LineActive, CreatedAt: now, UpdatedAt: now, By: n.By,
	}, nil
}

func (f fakeProducts) line(ctx context.Context) (products.Overdraft, error) {
	return f.GrantLine(ctx, products.NewLine{
		Account: annsWallet, Limit: money.Of(100_00, money.BBD), FeeBPS: 200, RateBPS: 2400, ExpiresAt: now.AddDate(1, 0, 0),
	})
}

func (f fakeProducts) ChangeLine(ctx context.Context, ch products.LineChange) (products.Overdraft, error) {
	line, err := f.line(ctx)
	if ch.Account != line.Account {
		return line, fault.New(fault.NotFound, "no line").Field("account_id", "has no line")
	}
	if ch.Limit != nil {
		line.Limit = *ch.Limit
	}
	if ch.Status != nil {
		line.Status = *ch.Status
	}
	line.UpdatedAt = now.Add(time.Hour)
	return line, err
}

func (f fakeProducts) Lines(ctx context.Context, _ products.LineFilter) ([]products.Overdraft, error) {
	line, err := f.line(ctx)
	return []products.Overdraft{line}, err
}
