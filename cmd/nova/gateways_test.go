package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/channels/ussd/africastalking"
	"nova/channels/ussd/ussdtest"
	"nova/sessions"
	"nova/sql"
)

const (
	marcia = "12462501001"
	andre  = "12462501002"
)

// realBackend is the real menus and core with the demonstration's people: Marcia sends Andre 1.00 at a time.
func realBackend(t testing.TB) ussdtest.Backend {
	t.Helper()
	w := newWorld(t.(*testing.T)) //nolint:forcetypeassert // the harness runs in tests alone
	db := w.server.db
	slow := &brake{t: t, db: db}
	t.Cleanup(slow.release)
	return ussdtest.Backend{
		Engine: w.server.engine, Hash: w.server.keyring.Caller, Code: "*123#", Caller: marcia, Other: andre,
		Keys: []string{"1", "2462501002", "1", "1357"}, Numeric: 1, Canary: "918273",
		Moves: func(t testing.TB) int {
			t.Helper()
			var n int
			require.NoError(t, db.Get(t.Context(), &n, sql.Query{
				Name: "test.sends", Text: "select count(*) from transactions where type = 'p2p' and status = 'completed'",
			}))
			return n
		},
		Dump: func(t testing.TB) string { t.Helper(); return dumpText(t, db) },
		Slow: func(before, after time.Duration) {
			slow.release()
			switch {
			case before > 0:
				slow.hold()
			case after > 0:
				slow.drag(after)
			}
		},
	}
}

// brake makes the database slow for core.
type brake struct {
	t    testing.TB
	db   *sql.DB
	undo func()
}

// hold locks the promises, one of which is stored before a command is queued.
func (b *brake) hold() {
	let, done, held := make(chan struct{}), make(chan error, 1), make(chan struct{})
	go func() {
		done <- b.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.Exec(ctx, sql.Query{Name: "test.hold", Text: "lock table promises in access exclusive mode"})
			if err == nil {
				close(held)
				<-let
			}
			return err
		})
	}()
	select {
	case <-held:
	case err := <-done:
		b.t.Fatalf("hold the promises: %v", err)
	}
	b.undo = func() {
		close(let)
		require.NoError(b.t, <-done)
	}
}

// drag makes each commit of a transaction's row last two thirds of d, which a gateway waits half of: the command is
// taken, and its outcome is late.
func (b *brake) drag(d time.Duration) {
	b.exec("create function test_drag() returns trigger language plpgsql as " +
		fmt.Sprintf("'begin perform pg_sleep(%d / 1000.0); return null; end'", (d*2/3).Milliseconds()))
	b.exec("create constraint trigger test_drag after insert on transactions deferrable initially deferred " +
		"for each row execute function test_drag()")
	b.undo = func() { b.exec("drop function test_drag cascade") }
}

func (b *brake) exec(text string) {
	b.t.Helper()
	_, err := b.db.Exec(context.Background(), sql.Query{Name: "test.drag", Text: text})
	require.NoError(b.t, err)
}

func (b *brake) release() {
	if b.undo != nil {
		b.undo()
	}
	b.undo = nil
}

// dumpText is dumpColumns of a database with the demonstration's people in it.
func dumpText(t testing.TB, db *sql.DB) string {
	t.Helper()
	all := dumpColumns(t, db)
	require.Contains(t, all, "Brathwaite", "the dump is of a database with people in it")
	return all
}

// dumpColumns is every value of every text column.
func dumpColumns(t testing.TB, db *sql.DB) string {
	t.Helper()
	var columns []struct {
		Table  string `db:"table_name"`
		Column string `db:"column_name"`
	}
	require.NoError(t, db.Select(t.Context(), &columns, sql.Query{Name: "test.columns", Text: `
		select table_name, column_name from information_schema.columns
		where table_schema = 'public' and data_type in ('text', 'character', 'character varying', 'json', 'jsonb', 'ARRAY')`}))
	require.NotEmpty(t, columns)
	var all strings.Builder
	for _, c := range columns {
		var values []string
		require.NoError(t, db.Select(t.Context(), &values, sql.Query{
			Name: "test.dump", Text: fmt.Sprintf("select %q::text from %q where %q is not null", c.Column, c.Table, c.Column),
		}))
		all.WriteString(strings.Join(values, "\n"))
	}
	return all.String()
}

// TestGatewaysOnTheWholeServer puts the real menus and core behind what every gateway must stand.
func TestGatewaysOnTheWholeServer(t *testing.T) {
	for name, lastInput := range map[string]bool{"cumulative": false, "last input": true} {
		t.Run(name, func(t *testing.T) {
			ussdtest.Harness{Backend: realBackend}.Run(t, atDialect(lastInput), nil)
		})
	}
}

func atDialect(lastInput bool) ussdtest.Dialect {
	return ussdtest.Dialect{
		Turn: africastalking.Gateway{LastInput: lastInput}, Cumulative: !lastInput, BlankIsBegin: lastInput,
		Express: func(h ussdtest.Hop) ussdtest.Call {
			if len(h.Ahead) > 0 {
				h.Code = strings.TrimSuffix(h.Code, "#") + "*" + strings.Join(h.Ahead, "*") + "#"
			}
			text := strings.Join(h.Inputs, "*")
			if lastInput && !h.IsBegin() {
				text = h.Last()
			}
			form := url.Values{"serviceCode": {h.Code}, "text": {text}, "sessionId": {h.Session}}
			if h.Caller != "" {
				form.Set("phoneNumber", "+"+h.Caller)
			}
			return ussdtest.Call{Type: "application/x-www-form-urlencoded", Body: form.Encode()}
		},
		Reply: func(t testing.TB, body []byte) sessions.Reply {
			t.Helper()
			shown, err := atScreen(body)
			require.NoError(t, err)
			return sessions.Reply{Text: shown.text, End: shown.end}
		},
	}
}
