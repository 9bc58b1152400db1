package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// mostMenuHops is more than any server here takes in a second: so many hops are dialled for.
	mostMenuHops = 30_000
	// easyPercent is the share of its own most at which a system's times are measured.
	easyPercent = 70
	// pacedSlices is how many slices the times are measured for.
	pacedSlices = 3
)

// menuHops measures hops that touch Redis alone.
func (b *bench) menuHops(ctx context.Context) error {
	if err := b.startBare(ctx); err != nil {
		return err
	}
	const nova, bare = "menu hops", "bare Fiber, same Redis round trips"
	medians, err := b.turns(ctx, []system{
		{nova, func(ctx context.Context, slice time.Duration) (measured, error) {
			return b.menuSlice(ctx, b.nova, pace{time: slice})
		}},
		{bare, func(ctx context.Context, slice time.Duration) (measured, error) {
			return b.menuSlice(ctx, b.bare, pace{time: slice})
		}},
	})
	if err != nil {
		return err
	}
	b.rate("menu_hop", medians[nova], "screens of open dialogues (5, 0, 5, 0...), Africa's Talking callbacks")
	b.rate("menu_hop_ceiling", medians[bare], "bare Fiber handler: GET, and the same compare-and-set of as many bytes")
	b.ratio("menu_hop_to_ceiling", medians[nova], medians[bare], goal{least: 700, says: "menu hop / ceiling"})
	rate := medians[nova] * easyPercent / 100
	m, err := b.menuSlice(ctx, b.nova, pace{time: pacedSlices * b.slice, rate: rate})
	if err != nil {
		return err
	}
	b.times("menu_hop", m, rate)
	return b.profiled("menu", func(p pace) (measured, error) { return b.menuSlice(ctx, b.nova, p) })
}

// startBare starts the ceiling, with the sizes that a real hop has.
func (b *bench) startBare(ctx context.Context) (err error) {
	d := b.fresh()
	one := pace{connections: 1, most: 1}
	if _, err := d.dials().run(ctx, b.nova.addr, one); err != nil {
		return err
	}
	hop, screen := d.menuHops(1), 0
	right := hop.good
	hop.good = func(answer []byte) bool {
		screen = len(answer)
		return right(answer)
	}
	if _, err := hop.run(ctx, b.nova.addr, one); err != nil {
		return err
	}
	record, err := b.stage.recordSize(ctx, "africastalking", d.session(0))
	if err != nil || record == 0 {
		return fmt.Errorf("a record of %d bytes: %w", record, err)
	}
	b.bare, err = b.stage.serveBare(ctx, record, screen)
	return err
}

// menuSlice dials, unmeasured, and then hops.
func (b *bench) menuSlice(ctx context.Context, to *measuredServer, p pace) (measured, error) {
	d := b.fresh()
	most := mostMenuHops
	if p.rate > 0 {
		most = p.rate
	}
	open := most*int(p.time/time.Millisecond)/1000/menuHops + b.connections
	p.connections, p.most = b.connections, open*menuHops
	dials, hops := d.dials(), d.menuHops(open)
	if to == b.bare {
		dials, hops = dials.bare(), hops.bare()
	}
	if _, err := dials.run(ctx, to.addr, pace{connections: b.connections, most: open}); err != nil {
		return measured{}, fmt.Errorf("dial: %w", err)
	}
	return b.call(ctx, to, hops, p)
}
