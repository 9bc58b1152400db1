package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"nova/core/clock"
)

// The load generator. It is small on purpose: it shares the machine with what it measures, so whatever it spends is
// missing there. Requests are bytes that are nearly ready, and of an answer no more is read than its status, its
// length and its text. Every system that is compared is called by it.

// calls are a stream of callbacks: what the nth says, and whether an answer is the one that was due.
type calls struct {
	path string
	form func(b []byte, n int) []byte
	good func(answer []byte) bool
	// head adds the lines of the nth call's head beside its length; nil: those of a form.
	head func(b []byte, n int) []byte
}

// pace is how calls follow one another: as fast as answers come, or at a steady rate whatever the answers do. Then a
// call's time counts from when it was due, so that waiting for a free connection is counted.
type pace struct {
	connections int
	// most bounds the calls, time the run; 0 is no bound.
	most int
	time time.Duration
	// rate is calls a second; 0 is as fast as answers come.
	rate int
	// profile begins the names of the files for profiles of the server; empty: none.
	profile string
}

// measured is what came of a run: calls answered rightly, and how long each took, sorted.
type measured struct {
	done  int
	took  time.Duration
	times []time.Duration
	spent spent
}

func (m measured) perSecond() int {
	return int(int64(m.done) * int64(time.Second) / max(int64(m.took), 1))
}

// percentile of the times, 0 where there are none.
func (m measured) percentile(p int) time.Duration {
	if len(m.times) == 0 {
		return 0
	}
	return m.times[min(len(m.times)*p/100, len(m.times)-1)]
}

// run calls the server at addr. The first wrong answer ends it: a run with one measures something else.
func (c calls) run(ctx context.Context, addr string, p pace) (measured, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	d := &driver{calls: c, pace: p, began: clock.System{}.Now()}
	each := make([][]time.Duration, p.connections)
	var work sync.WaitGroup
	for i := range p.connections {
		work.Go(func() {
			times, err := d.connection(ctx, addr)
			if err != nil {
				stop(err)
			}
			each[i] = times
		})
	}
	work.Wait()
	if err := context.Cause(ctx); err != nil {
		return measured{}, err
	}
	m := measured{took: clock.System{}.Now().Sub(d.began), times: slices.Concat(each...)}
	m.done = len(m.times)
	slices.Sort(m.times)
	return m, nil
}

// driver hands the calls of one run to its connections.
type driver struct {
	calls
	pace
	began time.Time
	taken atomic.Int64
}

// next is the number of the next call and when it is due; ok is false when the run is over.
func (d *driver) next() (n int, due time.Time, ok bool) {
	n = int(d.taken.Add(1)) - 1
	due = clock.System{}.Now()
	if d.rate > 0 {
		due = d.began.Add(time.Duration(n) * time.Second / time.Duration(d.rate))
	}
	over := d.most > 0 && n >= d.most || d.time > 0 && due.Sub(d.began) > d.time
	return n, due, !over
}

// connection calls on one connection until the run is over.
func (d *driver) connection(ctx context.Context, addr string) ([]time.Duration, error) {
	line, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = line.conn.Close() }() // everything was read
	var times []time.Duration
	for ctx.Err() == nil {
		n, due, ok := d.next()
		if !ok {
			break
		}
		time.Sleep(due.Sub(clock.System{}.Now()))
		line.head = d.heading(line.head[:0], n)
		line.form = d.form(line.form[:0], n)
		answer, err := line.call(d.path)
		if err != nil {
			return nil, fmt.Errorf("call %d: %w", n, err)
		}
		if !d.good(answer) {
			return nil, fmt.Errorf("call %d was answered %q", n, answer)
		}
		times = append(times, clock.System{}.Now().Sub(due))
	}
	return times, nil
}

// heading is the lines of the nth call's head.
func (c calls) heading(b []byte, n int) []byte {
	if c.head != nil {
		return c.head(b, n)
	}
	return append(b, "Content-Type: application/x-www-form-urlencoded\r\n"...)
}

// runTime bounds a run and so each of its calls: a server that hangs ends the measurement.
const runTime = 2 * time.Minute

// maxAnswer bounds a screen.
const maxAnswer = 4 << 10

// line is one connection of a gateway, kept open.
type line struct {
	conn   net.Conn
	in     *bufio.Reader
	head   []byte
	form   []byte
	out    []byte
	answer [maxAnswer]byte
}

func dial(ctx context.Context, addr string) (*line, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("reach %s: %w", addr, err)
	}
	if err := conn.SetDeadline(clock.System{}.Now().Add(runTime)); err != nil {
		return nil, fmt.Errorf("bound the calls: %w", err)
	}
	return &line{conn: conn, in: bufio.NewReader(conn)}, nil
}

// call posts the form and returns the screen, which is good until the next call.
func (l *line) call(path string) ([]byte, error) {
	l.out = append(l.out[:0], "POST "...)
	l.out = append(l.out, path...)
	l.out = append(l.out, " HTTP/1.1\r\nHost: nova\r\n"...)
	l.out = append(l.out, l.head...)
	l.out = append(l.out, "Content-Length: "...)
	l.out = strconv.AppendInt(l.out, int64(len(l.form)), 10)
	l.out = append(l.out, "\r\n\r\n"...)
	l.out = append(l.out, l.form...)
	if _, err := l.conn.Write(l.out); err != nil {
		return nil, err
	}
	return l.read()
}

var (
	statusOK      = []byte("HTTP/1.1 20") // 200, and 201 for what was made
	contentLength = []byte("Content-Length: ")
	errAnswer     = errors.New("is no answer of 200 or 201 with its length")
)

// read takes the answer apart.
func (l *line) read() ([]byte, error) {
	length := -1
	for first := true; ; first = false {
		text, err := l.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		text = bytes.TrimRight(text, "\r\n")
		switch {
		case first && !bytes.HasPrefix(text, statusOK):
			return nil, fmt.Errorf("%q: %w", text, errAnswer)
		case len(text) == 0:
			return l.body(length)
		case bytes.HasPrefix(text, contentLength):
			if length, err = strconv.Atoi(string(text[len(contentLength):])); err != nil {
				return nil, errAnswer
			}
		}
	}
}

func (l *line) body(length int) ([]byte, error) {
	if length < 0 || length > maxAnswer {
		return nil, errAnswer
	}
	_, err := io.ReadFull(l.in, l.answer[:length])
	return l.answer[:length], err
}
