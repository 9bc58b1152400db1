package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"nova/configs"
	"nova/core/money"
)

// The ledger's section: postings of two entries that an API client sends over HTTP, against two bare servers that are
// asked the very same, and the writer inside this process against bare grouped transfers.

const (
	// bankAccounts is how many accounts the client has; all have as much money as they will need.
	bankAccounts = 10_000
	bankStart    = 1_000_000_00
	// postingMinor is what each posting moves, as postingAmount words it.
	postingMinor  = 1_00
	postingAmount = "1.00"
	bankCurrency  = money.BBD
	// transfersAGroup and groupWriters are where bare grouped transfers were fastest.
	transfersAGroup = 50
	groupWriters    = 2
)

// connectionLadder is how many connections postings are measured at, beside those that are asked for.
var connectionLadder = []int{1, 16, 256}

// ledgerBench is the section's state.
type ledgerBench struct {
	*bench
	// parts is a Nova in this process, with a writer of its own.
	parts  *parts
	client uuid.UUID
	// trust is where the accounts' money came from.
	trust    uuid.UUID
	accounts []uuid.UUID
	// names are the accounts' as the API writes them.
	names []string
	// group is where bare grouped transfers are made.
	group *bareGroups
	// before is what the books took on disk when nothing was posted yet.
	before bookSize
	// made is how many answers there were, by what wrote them: Nova, bare transfers alone or in groups, and bare postings
	// with all rows. The books must hold as many.
	made struct{ nova, calls, rows int }
	// insideSpent is what insideDone postings inside the process cost.
	insideSpent spent
	insideDone  int
}

// prepare makes the accounts and starts the servers.
func (l *ledgerBench) prepare(ctx context.Context) (err error) {
	growHeap() // as the servers do: postings inside the process are compared with them
	if l.parts, err = l.stage.parts(ctx); err != nil {
		return err
	}
	l.stage.leaves = append(l.stage.leaves, func() error { return l.parts.close(context.WithoutCancel(ctx)) })
	if err := l.makeAccounts(ctx); err != nil {
		return err
	}
	if l.group, err = openBareBank(ctx, l.stage, l.accounts); err != nil {
		return err
	}
	if l.plain, err = openPlain(ctx, l.stage.private.databaseURL, 1); err != nil {
		return err
	}
	l.stage.leaves = append(l.stage.leaves, l.plain.Close)
	if err := l.parts.db.ExecText(ctx, "vacuum analyze"); err != nil {
		return err
	}
	if l.before, err = l.bookSize(ctx); err != nil {
		return err
	}
	if l.nova, err = l.stage.serve(ctx, novaLog, configs.RoleREST, configs.RoleWorker); err != nil {
		return err
	}
	l.bare, err = l.stage.serveBareBank(ctx)
	return err
}

// postings measures the ratios to the bare servers.
func (l *ledgerBench) postings(ctx context.Context) error {
	const nova, novaHot = "postings over HTTP", "postings over HTTP, one hot account"
	const calls, callsHot = "one call each", "one call each, one hot account"
	const rows, rowsHot = "one call each, all rows", "one call each, all rows, one hot account"
	m, err := l.turns(ctx, []system{
		{nova, l.novaSlice(l.connections, false)},
		{calls, l.bareSlice(barePathCall, &l.made.calls, false)},
		{rows, l.bareSlice(barePathRows, &l.made.rows, false)},
		{novaHot, l.novaSlice(l.connections, true)},
		{callsHot, l.bareSlice(barePathCall, &l.made.calls, true)},
		{rowsHot, l.bareSlice(barePathRows, &l.made.rows, true)},
	})
	if err != nil {
		return err
	}
	at := fmt.Sprintf("; %d connections", l.connections)
	l.rate("posting", m[nova], "POST /v1/core/postings of 2 entries: token, idempotency key, transaction, seal"+at)
	l.rate("posting_hot", m[novaHot], "the same, one account on one side of all"+at)
	l.rate("posting_bare_call", m[calls], "bare Fiber handler, same request, one PL/pgSQL call: posting, 2 entries, 2 balances"+at)
	l.rate("posting_bare_call_hot", m[callsHot], "the same, one hot account"+at)
	l.rate("posting_bare_rows", m[rows], "the same handler; the call writes the rows and indexes that Nova's posting has"+at)
	l.rate("posting_bare_rows_hot", m[rowsHot], "the same, one hot account"+at)
	l.ratio("posting_to_bare_call", m[nova], m[calls], goal{least: 1500, says: "Nova / one call each" + at})
	l.ratio("posting_hot_to_bare_call_hot", m[novaHot], m[callsHot], goal{least: 4000, says: "the same, one hot account" + at})
	l.ratio("posting_to_bare_rows", m[nova], m[rows], goal{least: 3000, says: "Nova / one call each, all rows" + at})
	l.ratio("posting_hot_to_bare_rows_hot", m[novaHot], m[rowsHot], goal{least: 5000, says: "the same, one hot account" + at})
	l.ratio("posting_hot_to_uniform", m[novaHot], m[nova], goal{least: 950, says: "one hot account / uniform" + at})
	return l.profiled("postings", func(p pace) (measured, error) { return l.novaRun(ctx, l.connections, false, p) })
}

// ladder measures postings at other numbers of connections.
func (l *ledgerBench) ladder(ctx context.Context) error {
	type rung struct {
		connections int
		hot         bool
	}
	names := map[rung]string{}
	var systems []system
	for _, connections := range connectionLadder {
		for _, hot := range []bool{false, true} {
			r := rung{connections, hot}
			names[r] = fmt.Sprintf("postings at %d connections, hot %t", connections, hot)
			systems = append(systems, system{names[r], l.novaSlice(connections, hot)})
		}
	}
	m, err := l.turns(ctx, systems)
	if err != nil {
		return err
	}
	for _, connections := range connectionLadder {
		what := fmt.Sprintf("POST /v1/core/postings of 2 entries; %d connections", connections)
		l.rate(fmt.Sprintf("posting_at_%d", connections), m[names[rung{connections, false}]], what)
		l.rate(fmt.Sprintf("posting_hot_at_%d", connections), m[names[rung{connections, true}]], what+"; one hot account")
	}
	return nil
}

// twoNodes measures two nodes on one database against one with as many connections in all. A node is what is scarce
// there: where nodes, PostgreSQL and the load generator share two processors, a second node adds nothing but company.
func (l *ledgerBench) twoNodes(ctx context.Context) (err error) {
	second, err := l.stage.serve(ctx, "nova-2.log", configs.RoleREST, configs.RoleWorker)
	if err != nil {
		return err
	}
	condition, unbind := l.boundNodes(l.nova, second)
	defer func() { err = errors.Join(err, unbind(), second.stop()) }()
	const one, two = "one node", "two nodes"
	m, err := l.turns(ctx, []system{
		{one, l.novaSlice(2*l.connections, false)},
		{two, func(ctx context.Context, slice time.Duration) (measured, error) {
			return l.bothSlice(ctx, [2]*measuredServer{l.nova, second}, slice)
		}},
	})
	if err != nil {
		return err
	}
	says := fmt.Sprintf("two nodes with %d connections each / one node with %d", l.connections, 2*l.connections)
	l.rate("posting_two_nodes", m[two], fmt.Sprintf("two nodes on one PostgreSQL; %d connections to each", l.connections)+condition)
	l.ratio("posting_two_nodes_to_one", m[two], m[one], goal{least: 1300, says: says + condition})
	return nil
}

// novaSlice is the turn of Nova over HTTP.
func (l *ledgerBench) novaSlice(connections int, hot bool) func(context.Context, time.Duration) (measured, error) {
	return func(ctx context.Context, slice time.Duration) (measured, error) {
		return l.novaRun(ctx, connections, hot, pace{time: slice})
	}
}

func (l *ledgerBench) novaRun(ctx context.Context, connections int, hot bool, p pace) (measured, error) {
	load, err := l.load(ctx, hot)
	if err != nil {
		return measured{}, err
	}
	p.connections = connections
	m, err := l.call(ctx, l.nova, load.calls(bankPath), p)
	l.made.nova += m.done
	return m, err
}

// bareSlice is the turn of a bare server, and counts what it made.
func (l *ledgerBench) bareSlice(path string, made *int, hot bool) func(context.Context, time.Duration) (measured, error) {
	return func(ctx context.Context, slice time.Duration) (measured, error) {
		load, err := l.load(ctx, hot)
		if err != nil {
			return measured{}, err
		}
		m, err := l.call(ctx, l.bare, load.calls(path), pace{connections: l.connections, time: slice})
		*made += m.done
		return m, err
	}
}

// bothSlice posts to two nodes at once.
func (l *ledgerBench) bothSlice(ctx context.Context, nodes [2]*measuredServer, slice time.Duration) (measured, error) {
	before := l.stage.spent(nodes[:]...)
	var each [2]measured
	work, working := errgroup.WithContext(ctx)
	for i, node := range nodes {
		load, err := l.load(ctx, false)
		if err != nil {
			return measured{}, err
		}
		work.Go(func() (err error) {
			each[i], err = load.calls(bankPath).run(working, node.addr, pace{connections: l.connections, time: slice})
			return err
		})
	}
	err := work.Wait()
	both := measured{
		done: each[0].done + each[1].done, took: max(each[0].took, each[1].took),
		spent: l.stage.spent(nodes[:]...).minus(before),
	}
	l.made.nova += both.done
	return both, err
}

// errNoFunds is a bare transfer from an account that has too little: none has.
var errNoFunds = errors.New("an account of the bare bank has too little")
