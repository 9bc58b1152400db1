package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"nova/core/agents"
	"nova/core/ledger"
)

// The bench's people: made as the demonstration's are, through core, so that the books are what they would be.
const (
	benchPIN = "2580"
	// benchBalance is what each customer has; their tier may take out the whole of it in a day.
	benchBalance = 4_000_00
	benchFloat   = 1_000_00
	benchTier    = 2
	// makers work at once; each new person is a transaction.
	makers = 16
)

// Numbers of a range that phonenumbers takes for Barbados's.
func customerNumber(n int) string { return fmt.Sprintf("+124625%05d", 10_000+n) }
func operatorNumber(n int) string { return fmt.Sprintf("+124625%05d", 30_000+n) }
func agentCode(n int) string      { return fmt.Sprintf("%06d", 200_000+n) }

// crowd is how many people there are.
type crowd struct{ customers, agents int }

// money is what was paid in for all of them, in minor units.
func (c crowd) money() int64 { return int64(c.customers)*benchBalance + int64(c.agents)*benchFloat }

// make creates the people, with PINs and money.
func (c crowd) make(ctx context.Context, s *stage) (err error) {
	p, err := s.parts(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if _, err := ledger.NewWorkers(p.db, p.writer, p.clock).MakePartitions(ctx); err != nil {
		return err
	}
	seed := seedServices{
		Writer: p.writer, Customers: p.customers, Agents: p.agents, Clients: p.clients, Clock: p.clock, Books: p.books,
		Currency: p.config.Currency, TimeZone: p.config.TimeZone,
	}
	work, making := errgroup.WithContext(ctx)
	work.SetLimit(makers)
	for n := range c.agents {
		work.Go(func() error { return seed.agent(making, benchAgent(n)) })
	}
	for n := range c.customers {
		work.Go(func() error { return seed.customer(making, benchCustomer(n)) })
	}
	if err := work.Wait(); err != nil {
		return fmt.Errorf("make the people: %w", err)
	}
	// A server that has run for a while has its statistics.
	return p.db.ExecText(ctx, "vacuum analyze")
}

func benchAgent(n int) demoAgent {
	return demoAgent{
		code: agentCode(n), name: fmt.Sprintf("Corner Shop %d", n), msisdn: operatorNumber(n), pin: benchPIN,
		kind: agents.Ordinary, float: benchFloat,
	}
}

func benchCustomer(n int) demoCustomer {
	return demoCustomer{
		first: "Marcia", last: "Brathwaite", msisdn: customerNumber(n), pin: benchPIN, born: "1985-03-14",
		idNumber: fmt.Sprintf("85031%06d", n), tier: benchTier, balance: benchBalance,
	}
}
