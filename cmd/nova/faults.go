package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"nova/core/clock"
)

// faultsOptions say how much is broken.
type faultsOptions struct {
	first uint64
	seeds int
	load  time.Duration
	out   string
}

const (
	// shortestLoad has room for a fault, longestLoad is well inside the life of the gateway's token.
	shortestLoad = 2 * time.Second
	longestLoad  = 5 * time.Minute
	// seedTime is what a seed may take beside its load: servers start, people are made, the books are proved.
	seedTime = 2 * time.Minute
	// breachesShown bounds what is printed of a seed; the file has all.
	breachesShown = 20
)

// faultsCommand is `nova faults`: does money survive what breaks?
func faultsCommand() *cobra.Command {
	o := faultsOptions{}
	seconds := 0
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Kill nodes, PostgreSQL and Redis under load, and prove that no answer was lost or doubled",
		Long: `For each seed, with a PostgreSQL (fsync on) and a Redis of its own that are thrown away: two nodes, people
who move money through both, and faults at random moments - a node killed or stalled, PostgreSQL killed or its
connections cut, Redis killed with or without its data. People whose screen does not come have the same hop delivered
again, byte for byte and to either node, or dial again. In the end every answer is compared with the books.
The seed alone decides the faults. A seed that fails leaves its logs, what people were told and what the database held
in a folder of its name; --seed plays its faults again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.load = time.Duration(seconds) * time.Second
			if o.seeds < 1 || o.load < shortestLoad || o.load > longestLoad {
				return fmt.Errorf("at least one seed, and a load of %s to %s", shortestLoad, longestLoad)
			}
			return runFaults(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&o.first, "seed", 1, "the first seed")
	flags.IntVar(&o.seeds, "seeds", 1, "how many seeds, counted from the first")
	flags.IntVar(&seconds, "seconds", 5, "how long each seed's load lasts")
	flags.StringVar(&o.out, "out", filepath.Join(defaultDataDir, "faults"), "folder for what a failing seed leaves")
	return cmd
}

// runFaults plays the seeds one after the other, and tells in the end which failed.
func runFaults(ctx context.Context, o faultsOptions, out io.Writer) error {
	var failed []uint64
	for i := range o.seeds {
		seed := o.first + uint64(i)
		began := clock.System{}.Now()
		t := &trial{seed: seed, plan: schedule(seed, o.load), out: out, logs: map[string][]byte{}}
		t.announce()
		found, err := t.run(ctx, o.load)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && len(found) == 0 {
			t.tell("seed %d: all is well after %d s: %s", seed, int(clock.System{}.Now().Sub(began).Seconds()), t.summary())
			continue
		}
		failed = append(failed, seed)
		t.tell("seed %d FAILED: %s", seed, t.summary())
		if err := t.keep(filepath.Join(o.out, fmt.Sprintf("seed-%d", seed)), found, err); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d seeds failed: %v", len(failed), o.seeds, failed)
	}
	return nil
}

// trial is one seed.
type trial struct {
	seed    uint64
	plan    []strike
	out     io.Writer
	log     trialLog
	errands []errand
	facts   facts
	// logs are the servers' own, saved before their folder is removed.
	logs map[string][]byte
}

// trialLog is what happened and when.
type trialLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *trialLog) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, "%s  %s\n", clockTime(clock.System{}.Now()), fmt.Sprintf(format, args...))
}

func (t *trial) tell(format string, args ...any) { fmt.Fprintf(t.out, format+"\n", args...) }

// announce prints what will happen.
func (t *trial) announce() {
	t.tell("seed %d:", t.seed)
	for _, s := range t.plan {
		t.tell("  %s", s)
	}
}

// run plays the seed and gives the breaches. An error is a run that proves nothing.
func (t *trial) run(ctx context.Context, load time.Duration) (found []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, seedTime+load)
	defer cancel()
	a, err := openArena(ctx, faultsCrowd, t.log.say)
	if err != nil {
		return nil, err
	}
	defer func() {
		a.keepLogs(t.logs)
		err = errors.Join(err, a.close())
	}()
	all, err := t.play(ctx, a, load)
	for _, d := range all {
		for _, e := range d.errands {
			t.errands = append(t.errands, *e)
		}
	}
	if err != nil {
		return nil, err
	}
	if t.facts, err = a.facts(ctx); err != nil {
		return nil, err
	}
	if len(t.facts.Transactions) == 0 {
		return nil, errors.New("no money moved: nothing is proved")
	}
	return breaches(t.facts, t.errands), nil
}

// play runs load and faults together, asks once more when everything is up again, and stops the nodes.
func (t *trial) play(ctx context.Context, a *arena, load time.Duration) ([]*dialler, error) {
	began := clock.System{}.Now()
	over := func() bool { return clock.System{}.Now().Sub(began) > load }
	all := make([]*dialler, diallers)
	var work sync.WaitGroup
	for i := range all {
		all[i] = a.dialler(t.seed, i)
		work.Go(func() { all[i].run(ctx, over) })
	}
	err := a.perform(ctx, began, t.plan)
	work.Wait()
	if err != nil {
		return all, err
	}
	for _, d := range all {
		work.Go(func() { d.askAgain(ctx) })
	}
	work.Wait()
	for _, n := range a.nodes {
		err = errors.Join(err, n.server.stop())
	}
	return all, err
}

// summary counts what was seen.
func (t *trial) summary() string {
	told := map[meaning]int{}
	for _, e := range t.errands {
		for _, d := range e.Deliveries {
			told[d.Means]++
		}
	}
	text := fmt.Sprintf("%d errands, %d transactions; screens:", len(t.errands), len(t.facts.Transactions))
	for m, name := range meanings {
		text += fmt.Sprintf(" %d %s", told[meaning(m)], name)
	}
	return text
}

// keep leaves what is known of a failed seed in a folder.
func (t *trial) keep(dir string, found []string, failure error) error {
	if failure != nil {
		found = append(found, "the run broke off: "+failure.Error())
	}
	for _, line := range found[:min(len(found), breachesShown)] {
		t.tell("  %s", line)
	}
	if len(found) > breachesShown {
		t.tell("  and %d more", len(found)-breachesShown)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep the logs: %w", err)
	}
	files := map[string]any{"breaches.json": found, "schedule.json": t.plan, "errands.json": t.errands, "facts.json": t.facts}
	for name, what := range files {
		text, err := json.MarshalIndent(what, "", " ")
		if err != nil {
			return fmt.Errorf("keep %s: %w", name, err)
		}
		t.logs[name] = text
	}
	t.logs["run.log"] = t.log.text.Bytes()
	for name, text := range t.logs {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return fmt.Errorf("keep the logs: %w", err)
		}
	}
	t.tell("  its logs lie in %s; play it again with: nova faults --seed %d", dir, t.seed)
	return nil
}
