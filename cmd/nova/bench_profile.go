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
	before := cpuOf(to.process.PID())
	work, ctx := errgroup.WithContext(ctx)
	if p.profile != "" {
		work.Go(func() error { return to.profile(ctx, p.profile, p.time-time.Second) })
	}
	work.Go(func() (err error) {
		m, err = c.run(ctx, to.addr, p)
		return err
	})
	err = work.Wait()
	m.cpu = cpuOf(to.process.PID()) - before
	return m, err
}

// cpuOf is the processor time that a process has used, where the system tells it in Linux's way; else 0.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name in brackets may hold anything; user and system time are the 12th and 13th words behind it.
	_, behind, _ := bytes.Cut(text, []byte(") "))
	words := strings.Fields(string(behind))
	if len(words) < 13 {
		return 0
	}
	user, userErr := strconv.Atoi(words[11])
	system, systemErr := strconv.Atoi(words[12])
	if userErr != nil || systemErr != nil {
		return 0
	}
	return time.Duration(user+system) * time.Second / ticksASecond
}

// ticksASecond is the unit in which Linux counts processor time for programs.
const ticksASecond = 100
