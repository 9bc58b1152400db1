package ledger_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/ledger"
)

// cut is what a wire does with a message that commits a group: its write, or COMMIT where it ran under locks.
type cut int

const (
	whole  cut = iota
	before     // the server never sees it, and both ends see the connection break
	after      // the server processes it, and the answer is lost with the connection
	mute       // the server processes it, and the answer never comes on a connection that stays
	ghost      // the server never sees it, and its end of the connection stays
	leave      // the client is gone while the server is at it, and the server's end of the connection stays
)

// wire is a TCP proxy before PostgreSQL that watches for groups' commits.
type wire struct {
	t        testing.TB
	listener net.Listener
	target   string
	next     func() cut
	// cutting runs just before the connection is cut, when the server has done what it will do; nil for nothing.
	cutting func()
	cuts    atomic.Int64
	// asked counts the prepared statements that were run.
	asked atomic.Int64
	// moved counts the statements that met other rows than they were told of.
	moved atomic.Int64
	mu    sync.Mutex
	open  []net.Conn
}

// newWire listens before the database of the URL; next says what happens to each commit.
func newWire(t testing.TB, database string, next func() cut) (w *wire, through string) {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w = &wire{t: t, listener: listener, target: u.Host, next: next}
	u.Host = listener.Addr().String()
	go w.accept()
	t.Cleanup(w.close)
	return w, u.String()
}

func (w *wire) close() {
	_ = w.listener.Close() // ends accept
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		_ = c.Close() // so does every pump
	}
}

func (w *wire) keep(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, c)
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = client.Close() // the writer will try again
			continue
		}
		w.keep(client)
		w.keep(server)
		quiet := &atomic.Int64{}
		go w.up(client, server, quiet)
		go w.down(client, server, quiet)
	}
}

// up carries what the client says.
func (w *wire) up(client, server net.Conn, quiet *atomic.Int64) {
	buf := make([]byte, 1<<20)
	writes := map[string]bool{}
	for {
		n, err := client.Read(buf)
		if err != nil {
			_ = server.Close() // the client is gone
			return
		}
		if buf[0] == 'B' {
			w.asked.Add(1)
		}
		what := whole
		if commits(buf[:n], writes) {
			what = w.next()
		}
		if what != whole {
			w.cuts.Add(1)
			quiet.Store(int64(what))
		}
		switch what {
		case before:
			w.strike()
			_, _ = server.Close(), client.Close() // that is the cut
			return
		case ghost:
			_ = client.Close() // the server's end stays
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
		if what == leave {
			_ = client.Close() // the server's end stays
			return
		}
	}
}

// commits tells that a message commits a group. writes collects the names under which groups' writes were prepared. The
// driver waits for each message's answer before it sends the next, so a message begins where a read begins.
func commits(message []byte, writes map[string]bool) bool {
	const head = 5 // a message's kind and length
	switch {
	case bytes.HasPrefix(message, []byte("Q")):
		return bytes.Contains(message, []byte("COMMIT"))
	case bytes.HasPrefix(message, []byte("P")):
		name, text, _ := bytes.Cut(message[head:], []byte{0})
		if bytes.HasPrefix(text, []byte("with part_0 as")) {
			writes[string(name)] = true
		}
	case bytes.HasPrefix(message, []byte("B")):
		_, rest, _ := bytes.Cut(message[head:], []byte{0}) // the portal
		name, _, _ := bytes.Cut(rest, []byte{0})
		return writes[string(name)]
	}
	return false
}

func (w *wire) strike() {
	if w.cutting != nil {
		w.cutting()
	}
}

// down carries what the server says, but for the answer to a commit that is to be lost.
func (w *wire) down(client, server net.Conn, quiet *atomic.Int64) {
	buf := make([]byte, 1<<20)
	for {
		n, err := server.Read(buf)
		if err != nil {
			_ = client.Close() // the server is gone
			return
		}
		if bytes.Contains(buf[:n], []byte("C22012\x00")) {
			w.moved.Add(1)
		}
		switch cut(quiet.Load()) {
		case after:
			w.strike()
			_, _ = client.Close(), server.Close() // the server has answered: it is committed
			return
		case mute:
			_, _ = io.Copy(io.Discard, server) // until the client gives up
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// nth cuts the n-th commit from now, once.
func nth(n int64, what cut, armed *atomic.Bool) func() cut {
	var seen atomic.Int64
	return func() cut {
		if armed.Load() && seen.Add(1) == n {
			return what
		}
		return whole
	}
}

func TestConnectionCutInsideCommit(t *testing.T) {
	for name, what := range map[string]cut{
		"before the server saw it":                 before,
		"after the server did it":                  after,
		"after the server did it, without a word":  mute,
		"before the server saw it, without a word": ghost,
		"while the server does it":                 leave,
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			var armed atomic.Bool
			w, through := newWire(t, m.url, nth(1, what, &armed))
			node := m.writer("cut", through)
			wallets := m.wallets(10, 10_000)
			m.pin(wallets[0])
			armed.Store(true)
			var commands []*ledger.Command
			for i := range 40 {
				commands = append(commands, m.send(wallets[i%10], wallets[(i+1)%10], 10))
			}
			wrong := m.send(wallets[0], wallets[1], 10)
			wrong.Check = check(wallets[0], "0000")
			var group sync.WaitGroup
			var wrongErr error
			group.Go(func() { _, wrongErr = node.Submit(context.Background(), wrong) })
			ran := once(t, storm([]*ledger.Writer{node}, commands, 1))
			group.Wait()
			require.Equal(t, 40, ran)
			require.Equal(t, int64(1), w.cuts.Load())
			require.Equal(t, fault.PINInvalid, codeOf(wrongErr))
			require.Equal(t, int64(1), m.wrong(wallets[0]), "a wrong PIN counts once")
			require.Equal(t, int64(40), m.count("select count(*) from transactions"))
			require.Equal(t, int64(40*82), m.posted(m.fees))
		})
	}
}

func TestCommitsCutAgainAndAgain(t *testing.T) {
	m := newMarket(t)
	var armed atomic.Bool
	var seen atomic.Int64
	w, through := newWire(t, m.url, func() cut {
		if !armed.Load() {
			return whole
		}
		return [...]cut{whole, before, whole, after}[seen.Add(1)%4]
	})
	nodes := []*ledger.Writer{m.writer("cut", through), m.Writer}
	wallets := m.wallets(5, 10_000)
	armed.Store(true)
	var commands []*ledger.Command
	for i := range 100 {
		commands = append(commands, m.send(wallets[i%5], wallets[(i+2)%5], 10))
	}
	// The first half has the cut wire alone: beside another node it may find every command done already.
	require.Equal(t, 50, once(t, storm(nodes[:1], commands[:50], 2)))
	require.Equal(t, 50, once(t, storm(nodes, commands[50:], 2)))
	armed.Store(false)
	require.Positive(t, w.cuts.Load())
	require.Equal(t, int64(100), m.count("select count(*) from transactions"))
}

func TestLaneTakenWhileACommitIsInDoubt(t *testing.T) {
	for name, what := range map[string]cut{"it lasted": after, "it did not": before} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t)
			var armed atomic.Bool
			steals := make(chan error, 1)
			w, through := newWire(t, m.url, func() cut {
				if !armed.CompareAndSwap(true, false) {
					return whole
				}
				return what
			})
			w.cutting = func() {
				steals <- m.exec("update lanes set epoch = epoch + 1, groups = groups + 7, holder = 'thief' where id = 2")
			}
			node := m.writer("cut", through)
			from, to := m.wallet(1_000), m.wallet(0)
			c := m.send(from, to, 10)
			armed.Store(true)
			r, err := node.Submit(context.Background(), c)
			require.NoError(t, err)
			require.NoError(t, <-steals)
			require.False(t, r.Replayed, "the first answer is no replay, even when it is read from the key")
			require.Equal(t, int64(10), m.posted(to))
		})
	}
}

func TestDatabaseAwayIsBounded(t *testing.T) {
	m := newMarket(t)
	w, through := newWire(t, m.url, func() cut { return whole })
	node := m.writer("away", through)
	from, to := m.wallet(1_000), m.wallet(0)
	c := m.send(from, to, 10)
	w.close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now() //nolint:forbidigo // the bound is in real time
	_, err := node.Submit(ctx, c)
	require.Equal(t, fault.ServiceUnavailable, codeOf(err), "nothing was ever sent: nothing ran")
	require.Less(t, time.Since(began), 15*time.Second)
	m.must(c)
	require.Equal(t, int64(10), m.posted(to))
}

// TestWhatTheMemoryRefusedRunsThoughTheGroupsAnswerWasLost: a group's commit is in doubt and has lasted; who was refused by
// what was remembered is looked for all the same.
func TestWhatTheMemoryRefusedRunsThoughTheGroupsAnswerWasLost(t *testing.T) {
	m := newMarket(t)
	what := make(chan cut)
	var armed atomic.Bool
	_, through := newWire(t, m.url, func() cut {
		if armed.Load() {
			return <-what
		}
		return whole
	})
	node := m.writerWith(ledger.WriterOptions{Node: "cut", Hands: 1}, through)
	from, to, third := m.wallet(1_000), m.wallet(0), m.wallet(1_000)
	for _, c := range []*ledger.Command{m.transfer(from, to, 1), m.transfer(third, to, 1)} {
		_, err := node.Submit(t.Context(), c)
		require.NoError(t, err)
	}
	m.must(m.fund(to, 500))
	armed.Store(true)
	var group sync.WaitGroup
	submit := func(c *ledger.Command, err *error) {
		group.Go(func() { _, *err = node.Submit(context.Background(), c) })
	}
	var first, beside, rich error
	submit(m.fund(m.wallet(0), 1), &first)
	what <- whole // the hand is at its first write, or past it
	submit(m.transfer(from, third, 10), &beside)
	submit(m.transfer(to, third, 400), &rich)
	var release sync.WaitGroup
	release.Go(func() {
		what <- after
		armed.Store(false)
	})
	release.Wait()
	group.Wait()
	require.NoError(t, first)
	require.NoError(t, beside)
	require.NoError(t, rich, "the money came elsewhere")
}

// TestAWriteThatIsStillAtWorkMayYetCommit: the writer has lost its connection, and the server is not done with the group.
// While that holds what the commands need, nobody is told that nothing ran.
func TestAWriteThatIsStillAtWorkMayYetCommit(t *testing.T) {
	m := newMarket(t)
	from, to := m.wallet(1_000), m.wallet(0)
	m.slowOnce(2.5)
	var armed atomic.Bool
	w, through := newWire(t, m.url, nth(1, leave, &armed))
	node := m.writer("left", through)
	armed.Store(true)
	c := m.send(from, to, 10)
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	_, err := node.Submit(ctx, c)
	require.Equal(t, int64(1), w.cuts.Load())
	require.Equal(t, fault.IdempotencyInProgress, codeOf(err), "its outcome is not known yet")
	m.must(c)
	require.Equal(t, int64(10), m.posted(to))
}

// TestAWriteThatIsStillAtWorkFailsNobodyElse: others come after it in the lane, whose numbers it has taken.
func TestAWriteThatIsStillAtWorkFailsNobodyElse(t *testing.T) {
	m := newMarket(t)
	from, to, payer, payee := m.wallet(1_000), m.wallet(0), m.wallet(1_000), m.wallet(0)
	m.slowOnce(1.5)
	var armed atomic.Bool
	w, through := newWire(t, m.url, nth(1, leave, &armed))
	node := m.writerWith(ledger.WriterOptions{Node: "left", Hands: 1}, through)
	armed.Store(true)
	var wait sync.WaitGroup
	wait.Go(func() {
		_, err := node.Submit(context.Background(), m.send(from, to, 10))
		assert.NoError(t, err)
	})
	require.Eventually(t, func() bool { return w.cuts.Load() == 1 }, patience, time.Millisecond)
	for range 10 {
		_, err := node.Submit(context.Background(), m.transfer(payer, payee, 5))
		require.NoError(t, err)
	}
	wait.Wait()
	require.Equal(t, int64(10), m.posted(to))
	require.Equal(t, int64(50), m.posted(payee))
}

// slowOnce has the first transaction's row take so long, while its group is written.
func (m *market) slowOnce(seconds float64) {
	m.t.Helper()
	for _, s := range []string{
		"create sequence slow",
		fmt.Sprintf(`create function slow_once() returns trigger language plpgsql as
			'begin if nextval(''slow'') = 1 then perform pg_sleep(%v); end if; return new; end'`, seconds),
		"create trigger slow before insert on transactions for each row execute function slow_once()",
	} {
		require.NoError(m.t, m.exec(s))
	}
}
