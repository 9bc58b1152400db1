package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"nova/core/approvals"
	"nova/core/limits"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/rules"
	"nova/core/rules/document"
	"nova/core/tariffs"
)

// openRules opens the books that the whole market goes by, prices and limits, and keeps looking for new versions.
func (p *parts) openRules(ctx context.Context) error {
	p.effects = approvals.Registry{}
	p.approvals = approvals.New(p.db, p.clock, p.effects)
	var prices, bounds error
	p.tariffs, prices = openBook(ctx, p, rules.Options[*tariffs.Book]{
		Kind: rules.Tariffs, Parse: tariffs.Parse, Fits: p.tariffsFit,
	}, p.config.Tariffs)
	p.limits, bounds = openBook(ctx, p, rules.Options[*limits.Book]{
		Kind: rules.Limits, Parse: limits.Parse, Fits: p.limitsFit,
	}, p.config.Limits)
	if err := errors.Join(prices, bounds); err != nil {
		return err
	}
	if err := p.checkBooks(); err != nil {
		return err
	}
	p.watchRules(ctx)
	return nil
}

// openBook opens the keeper of one kind, whose file is the first version where there is none.
func openBook[B any](
	ctx context.Context, p *parts, o rules.Options[B], file func() ([]byte, error),
) (*rules.Keeper[B], error) {
	var err error
	if o.First, err = file(); err != nil {
		return nil, err
	}
	o.DB, o.Clock, o.Log, o.Approvals, o.Purpose = p.db, p.clock, p.log, p.approvals, string(policy.ConfigChange)
	k, err := rules.Open(ctx, o)
	if err == nil {
		p.effects.Add(string(o.Kind), k)
	}
	return k, err
}

// tariffsFit finds before a price list is in force what would refuse people later, an errand without a price, and what
// would make old receipts tell of other prices.
func (p *parts) tariffsFit(next *tariffs.Book, from time.Time, earlier []*tariffs.Book) document.Faults {
	faults := append(p.inCurrency(next.Currency()), unpriced(next, from)...)
	for _, book := range earlier {
		if renamed := next.Follows(book); len(renamed) > 0 {
			return append(faults, renamed...)
		}
	}
	return faults
}

func (p *parts) limitsFit(next *limits.Book, _ time.Time, _ []*limits.Book) document.Faults {
	return p.inCurrency(next.Currency())
}

func (p *parts) inCurrency(c money.Currency) document.Faults {
	if c == p.config.Currency {
		return nil
	}
	return document.Faults{{Path: "currency", Problem: "is not that of the wallets, " + string(p.config.Currency), Value: string(c)}}
}

func unpriced(book *tariffs.Book, at time.Time) (faults document.Faults) {
	for _, errand := range payments.Priced() {
		if !book.Prices(string(errand), at) {
			faults = append(faults, document.Fault{Path: "tariffs." + string(errand), Problem: "has no price at that time"})
		}
	}
	return faults
}

// checkBooks looks at the books in force as this build and its settings need them. Books in another currency are the
// setting's fault. Only a new version can add a price, and it takes a node that serves to propose one.
func (p *parts) checkBooks() error {
	prices, bounds := p.tariffs.Current(), p.limits.Current()
	for _, faults := range []document.Faults{p.inCurrency(prices.Currency()), p.inCurrency(bounds.Currency())} {
		if len(faults) > 0 {
			return fmt.Errorf("the books in force: %w", faults)
		}
	}
	if missing := unpriced(prices, p.clock.Now()); len(missing) > 0 {
		p.log.Error("errands without a price are refused: propose a new version of the tariffs", slog.Any("error", missing))
	}
	return nil
}

// watchRules looks for new versions until close. Every process does, whatever its roles: who prices must know.
func (p *parts) watchRules(ctx context.Context) {
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.unwatch = func() {
		stop()
		p.watchers.Wait()
	}
	p.watchers.Go(func() { p.tariffs.Run(watching) })
	p.watchers.Go(func() { p.limits.Run(watching) })
}
