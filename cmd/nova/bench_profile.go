package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"nova/sql/daemon"
)

// profileSlices is how many slices a profile takes.
const profileSlices = 3

// profiled gives one more run, with profiles of the server over its measured part, where profiles are asked for.
func (b *bench) profiled(name string, slice func(p pace) (measured, error)) error {
	if b.profile == "" {
		return nil
	}
	if err := os.MkdirAll(b.profile, 0o750); err != nil {
		return err
	}
	_, err := slice(pace{time: profileSlices * b.slice, profile: filepath.Join(b.profile, name)})
	return err
}

// call runs the load against a server, and profiles it meanwhile if the pace says so.
func (b *bench) call(ctx context.Context, to *measuredServer, c calls, p pace) (m measured, err error) {
	work, ctx := errgroup.WithContext(ctx)
	if p.profile != "" {
		work.Go(func() error { return to.profile(ctx, p.profile, p.time-time.Second) })
	}
	work.Go(func() (err error) {
		before := b.stage.spent(to)
		m, err = c.run(ctx, to.addr, p)
		m.spent = b.stage.spent(to).minus(before)
		return err
	})
	err = work.Wait()
	return m, err
}

// spent is processor time, by who used it. It says where a system's time goes, and whether others used the machine
// as well, which makes a run worth little.
type spent struct{ server, postgres, redis, generator, idle, all time.Duration }

func (u spent) minus(v spent) spent {
	return spent{
		server: u.server - v.server, postgres: u.postgres - v.postgres, redis: u.redis - v.redis,
		generator: u.generator - v.generator, idle: u.idle - v.idle, all: u.all - v.all,
	}
}

func (u spent) plus(v spent) spent { return u.minus(spent{}.minus(v)) }

// each is the share of one of so many calls.
func (u spent) each(calls int) string {
	n := time.Duration(max(calls, 1))
	percent := func(part time.Duration) int { return int(100 * part / max(u.all, 1)) }
	others := u.all - u.idle - u.server - u.postgres - u.redis - u.generator
	return fmt.Sprintf("server %v, PostgreSQL %v, Redis %v, load generator %v each; machine idle %d%%, others %d%%",
		u.server/n, u.postgres/n, u.redis/n, u.generator/n, percent(u.idle), percent(others))
}

// spent is what was used so far; there are no servers where the load generator itself does the work.
func (s *stage) spent(servers ...*measuredServer) spent {
	u := spent{
		postgres:  cpuOf(daemon.Inside(filepath.Join(s.dir, "postgres", "data"))...),
		redis:     cpuOf(daemon.Inside(filepath.Join(s.dir, "redis", "data"))...),
		generator: cpuOf(os.Getpid()),
	}
	for _, server := range servers {
		u.server += cpuOf(server.process.PID())
	}
	u.idle, u.all = processors()
	return u
}

// processors tells how long they were all idle, or waited for a disk, and how long they have run.
func processors() (idle, all time.Duration) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	for i, word := range strings.Fields(string(first)) {
		n, _ := strconv.Atoi(word) // the first word is a name, the others are numbers
		time := time.Duration(n) * time.Second / ticksASecond
		if all += time; i == 4 || i == 5 {
			idle += time
		}
	}
	return idle, all
}

// cpuOf is the processor time that processes have used, as far as the system tells it in Linux's way.
func cpuOf(pids ...int) time.Duration {
	ticks := 0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		// The name in brackets may hold anything; user and system time are the 12th and 13th words behind it.
		_, behind, _ := bytes.Cut(text, []byte(") "))
		words := strings.Fields(string(behind))
		for i := 11; i < min(13, len(words)); i++ {
			n, _ := strconv.Atoi(words[i]) // the kernel writes numbers
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / ticksASecond
}

// ticksASecond is the unit in which Linux counts processor time for programs.
const ticksASecond = 100
