package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nova/configs"
	"nova/sql"
	"nova/sql/daemon"
)

// benchOptions say how much is measured.
type benchOptions struct {
	slice       time.Duration
	rounds      int
	connections int
	crowd       crowd
	// profile is a folder for profiles of the server; empty: none.
	profile string
	out     string
	readme  string
	// menu, money and pins leave one kind of figures out where they are false.
	menu, money, pins bool
	// only names the one section to measure; empty: all.
	only string
}

// benchCommand is `nova bench`: Nova against ceilings, side by side.
func benchCommand() *cobra.Command {
	o := benchOptions{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure Nova against bare ceilings, with a PostgreSQL and Redis of its own",
		Long: `Measures, on a PostgreSQL (fsync on) and a Redis of its own that are thrown away:
  - PIN checks against argon2id at OWASP's minimum;
  - menu hops over HTTP against a bare Fiber handler with the same two round trips to Redis;
  - cash-outs confirmed with a PIN against plain SQL transfers, spread over all agents and at one;
  - how long both take at 70% of their own most;
  - postings of API clients over HTTP and inside the process, against bare handlers with one call of the database each
    and against bare grouped transfers; what they take on disk, and how fast the books are proved.
Systems take turns, and medians count. The books are proved at the end, or the run is void and exits with 1. Figures of
a section that is not measured stay as the last run left them.
The load generator, the servers and the databases share the machine: trust ratios, not absolutes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.only != "" && !slices.Contains(benchSections, o.only) {
				return fmt.Errorf("--only %s: there is %s", o.only, strings.Join(benchSections, " and "))
			}
			return runBench(cmd.Context(), o, cmd.OutOrStdout(), sayTo(cmd.ErrOrStderr()))
		},
	}
	flags := cmd.Flags()
	flags.DurationVar(&o.slice, "slice", 2*time.Second, "time of one measurement of one system")
	flags.IntVar(&o.rounds, "rounds", 5, "measurements of each system")
	flags.IntVar(&o.connections, "connections", 64, "connections of the load generator")
	flags.IntVar(&o.crowd.customers, "customers", 10_000, "people with a wallet, at most 20000")
	flags.IntVar(&o.crowd.agents, "agents", 1_000, "agents with a float")
	flags.StringVar(&o.profile, "profile", "", "folder for profiles of the server")
	flags.StringVar(&o.out, "out", filepath.Join(defaultDataDir, "bench.json"), "where the figures go")
	flags.StringVar(&o.readme, "readme", "", "file whose table of figures is brought up to date")
	flags.BoolVar(&o.menu, "menu", true, "measure menu hops")
	flags.BoolVar(&o.money, "money", true, "measure money hops")
	flags.BoolVar(&o.pins, "pins", true, "measure PIN checks")
	flags.StringVar(&o.only, "only", "", "the one section to measure, "+strings.Join(benchSections, " or ")+" (default: all)")
	cmd.AddCommand(benchBareCommand(), benchBareBankCommand())
	return cmd
}

// The sections of a run, each with servers of its own.
const (
	sectionHops   = "hops"
	sectionLedger = "ledger"
)

var benchSections = []string{sectionHops, sectionLedger}

// bench is one run.
type bench struct {
	benchOptions
	stage *stage
	say   daemon.Say
	// section is the one that is being measured.
	section string
	nova    *measuredServer
	bare    *measuredServer
	plain   *sql.DB
	runs    int
	// expected is how many cash-outs a second the next slice is prepared for.
	expected int
	// cashedOut counts the cash-outs that were answered with a receipt.
	cashedOut int
	figures   []figure
}

// benchStep is a part of a section.
type benchStep struct {
	doing  string
	wanted bool
	do     func(context.Context) error
}

func runBench(ctx context.Context, o benchOptions, out io.Writer, say daemon.Say) error {
	b := &bench{benchOptions: o, say: say}
	books := &ledgerBench{bench: b}
	steps := map[string][]benchStep{
		sectionHops: {
			{fmt.Sprintf("making %d customers and %d agents", o.crowd.customers, o.crowd.agents), true, b.prepare},
			{"measuring PIN checks", o.pins, b.pinChecks},
			{"measuring menu hops", o.menu, b.menuHops},
			{"measuring money hops", o.money, b.moneyHops},
			{"proving the books", true, b.prove},
		},
		sectionLedger: {
			{fmt.Sprintf("making %d accounts of an API client", bankAccounts), true, books.prepare},
			{"measuring postings", true, books.postings},
			{"measuring postings by connections", true, books.ladder},
			{"measuring postings inside the process", true, books.inside},
			{"measuring two nodes", true, books.twoNodes},
			{"proving the books", true, books.prove},
		},
	}
	for _, name := range benchSections {
		if o.only != "" && o.only != name {
			continue
		}
		b.section = name
		if err := b.play(ctx, steps[name]); err != nil {
			return err
		}
	}
	return b.report(out)
}

// play runs a section on a stage of its own.
func (b *bench) play(ctx context.Context, steps []benchStep) (err error) {
	if b.stage, err = openStage(ctx, serviceOptions{Throwaway: true, Flush: true, Say: b.say}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stage.close()) }()
	for _, step := range steps {
		if !step.wanted {
			continue
		}
		b.say("%s", step.doing)
		if err := step.do(ctx); err != nil {
			return errors.Join(fmt.Errorf("%s: the run is void: %w", step.doing, err), b.keepLog())
		}
	}
	return nil
}

// prepare makes the people and starts the server.
func (b *bench) prepare(ctx context.Context) (err error) {
	if err := b.crowd.make(ctx, b.stage); err != nil {
		return err
	}
	if b.plain, err = openPlain(ctx, b.stage.private.databaseURL, b.connections); err != nil {
		return err
	}
	b.stage.leaves = append(b.stage.leaves, b.plain.Close)
	b.nova, err = b.stage.serve(ctx, novaLog, configs.RoleUSSD)
	return err
}

// keepLog saves the server's log from the data that is thrown away, to see what went wrong.
func (b *bench) keepLog() error {
	text, err := os.ReadFile(filepath.Join(b.stage.dir, novaLog))
	if err != nil {
		return nil //nolint:nilerr // it had not started
	}
	kept := filepath.Join(filepath.Dir(b.out), "bench.log")
	if err := os.WriteFile(kept, text, 0o600); err != nil {
		return err
	}
	b.say("the server's log lies in %s", kept)
	return nil
}

// fresh are dialogues that no run has had.
func (b *bench) fresh() dialogues {
	b.runs++
	return dialogues{run: fmt.Sprintf("%07d", b.runs), crowd: b.crowd}
}

// system is something that is measured for a while.
type system struct {
	name string
	run  func(ctx context.Context, slice time.Duration) (measured, error)
}

// turns are the medians by name of what systems do a second.
func (b *bench) turns(ctx context.Context, systems []system) (map[string]int, error) {
	return b.turnsBy(ctx, "a second", measured.perSecond, systems)
}

// turnsBy measures the systems in turns, every other round in the other order, and gives the medians by name of what
// value makes of each. The first round warms up and does not count.
func (b *bench) turnsBy(ctx context.Context, unit string, value func(measured) int, systems []system) (map[string]int, error) {
	found, totals := map[string][]int{}, map[string]measured{}
	for round := range b.rounds + 1 {
		for _, s := range systems {
			m, err := s.run(ctx, b.slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			if round > 0 {
				found[s.name] = append(found[s.name], value(m))
				total := totals[s.name]
				totals[s.name] = measured{done: total.done + m.done, spent: total.spent.plus(m.spent)}
			}
		}
		slices.Reverse(systems)
	}
	medians := map[string]int{}
	for name, list := range found {
		slices.Sort(list)
		medians[name] = list[len(list)/2]
		b.say("  %s: %d %s (of %v); %s", name, medians[name], unit, list, totals[name].spent.each(totals[name].done))
	}
	return medians, nil
}
