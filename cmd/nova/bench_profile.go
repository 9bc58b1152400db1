package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// profileSlices is how many slices a profile takes.
const profileSlices = 3

// profiled gives one more run, with a CPU profile of the server over its measured part, where profiles are asked for.
func (b *bench) profiled(name string, slice func(p pace) (measured, error)) error {
	if b.profile == "" {
		return nil
	}
	if err := os.MkdirAll(b.profile, 0o750); err != nil {
		return err
	}
	_, err := slice(pace{time: profileSlices * b.slice, profile: filepath.Join(b.profile, name+".cpu.prof")})
	return err
}

// call runs the load against a server, and profiles it meanwhile if the pace says so.
func (b *bench) call(ctx context.Context, to *measuredServer, c calls, p pace) (m measured, err error) {
	work, ctx := errgroup.WithContext(ctx)
	if p.profile != "" {
		work.Go(func() error { return to.profile(ctx, p.profile, p.time-time.Second) })
	}
	work.Go(func() (err error) {
		m, err = c.run(ctx, to.addr, p)
		return err
	})
	err = work.Wait()
	return m, err
}
