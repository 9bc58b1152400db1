package approvals_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/approvals"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

const (
	kind    = "reversal"
	purpose = "operations.reverse"
	life    = time.Hour
)

// effect writes each settled approval into a table of its own, so that what it did is undone with the decision.
type effect struct{ fail error }

func (e *effect) ApproveIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	return e.write(ctx, tx, a)
}

func (e *effect) RejectIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	return e.write(ctx, tx, a)
}

func (e *effect) write(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	_, err := tx.Exec(ctx, sql.Query{Name: "test.effect", Text: "insert into effects values ($1, $2)"}, a.ID, a.Status)
	return errors.Join(err, e.fail)
}

type world struct {
	t       *testing.T
	db      *sql.DB
	clock   *clock.Manual
	effect  *effect
	service *approvals.Service
	maker   approvals.Actor
	checker approvals.Checker
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, _ := sqltest.Open(t)
	w := &world{t: t, db: db, clock: clock.NewManual(noon), effect: &effect{}}
	effects := approvals.Registry{}
	w.service = approvals.New(db, w.clock, effects)
	effects.Add(kind, w.effect)
	w.maker = approvals.Actor{Kind: "staff", ID: ids.New(noon)}
	w.checker = w.staff()
	w.exec("create table effects (id uuid, status text)")
	return w
}

// staff is somebody who may decide.
func (w *world) staff() approvals.Checker {
	return approvals.Checker{Actor: approvals.Actor{Kind: "staff", ID: ids.New(noon)}, Purposes: []string{purpose}}
}

func (w *world) proposal(subject string) approvals.Proposal {
	return approvals.Proposal{
		Kind: kind, Subject: subject, Payload: `{"reason": "wrong payee"}`, Summary: "Take back " + subject,
		Purpose: purpose, Maker: w.maker, ExpiresAt: w.clock.Now().Add(life),
	}
}

func (w *world) try(p approvals.Proposal) (a approvals.Approval, err error) {
	err = w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		a, err = w.service.ProposeIn(ctx, tx, p)
		return err
	})
	return a, err
}

func (w *world) propose(p approvals.Proposal) approvals.Approval {
	w.t.Helper()
	a, err := w.try(p)
	require.NoError(w.t, err)
	return a
}

func (w *world) decide(id uuid.UUID, v approvals.Verdict) (approvals.Approval, error) {
	return w.service.Decide(w.t.Context(), id, w.checker, v, "")
}

func (w *world) exec(text string) {
	w.t.Helper()
	require.NoError(w.t, w.db.ExecText(w.t.Context(), text))
}

// effects are what deciding an approval did, so far.
func (w *world) effects(id uuid.UUID) (statuses []string) {
	w.t.Helper()
	q := sql.Query{Name: "test.effects", Text: "select status from effects where id = $1"}
	require.NoError(w.t, w.db.Select(w.t.Context(), &statuses, q, id))
	return statuses
}

func (w *world) stored(id uuid.UUID) approvals.Approval {
	w.t.Helper()
	a, err := w.service.ByID(w.t.Context(), id)
	require.NoError(w.t, err)
	return a
}

func TestAProposalIsDecidedWithItsEffect(t *testing.T) {
	for _, verdict := range []approvals.Verdict{approvals.Approved, approvals.Rejected} {
		t.Run(string(verdict), func(t *testing.T) {
			w := newWorld(t)
			a := w.propose(w.proposal("txn"))
			require.Equal(t, approvals.Approval{
				ID: a.ID, Proposal: w.proposal("txn"), MadeAt: noon, Status: approvals.Pending,
			}, w.stored(a.ID))
			w.clock.Advance(time.Minute)
			decided, err := w.service.Decide(t.Context(), a.ID, w.checker, verdict, "seen the receipt")
			require.NoError(t, err)
			require.Equal(t, verdict, decided.Status)
			require.Equal(t, w.checker.Actor, decided.Checker)
			require.Equal(t, noon.Add(time.Minute), decided.DecidedAt)
			require.Equal(t, "seen the receipt", decided.Note)
			require.Equal(t, decided, w.stored(a.ID))
			require.Equal(t, []string{string(verdict)}, w.effects(a.ID))
		})
	}
}

func TestWhoMayDecide(t *testing.T) {
	w := newWorld(t)
	outlet := ids.New(noon)
	p := w.proposal("txn")
	p.Audience = outlet
	a := w.propose(p)
	member := func(purposes ...string) approvals.Checker {
		c := w.staff()
		c.Purposes, c.Audiences = purposes, []uuid.UUID{outlet}
		return c
	}
	maker := member(purpose)
	maker.Actor = w.maker
	renamed := maker
	renamed.Kind = "operator"
	cases := []struct {
		name string
		by   approvals.Checker
		want fault.Code
	}{
		{"the maker", maker, fault.MakerCheckerViolation},
		{"the maker in another role", renamed, fault.MakerCheckerViolation},
		{"somebody of another outlet", w.staff(), fault.NotFound},
		{"somebody of the outlet without the purpose", member("agent.transact"), fault.CodeForbidden},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := w.service.Decide(t.Context(), a.ID, c.by, approvals.Approved, "")
			require.True(t, fault.Is(err, c.want), "%v", err)
			require.Equal(t, a, w.stored(a.ID))
			require.Empty(t, w.effects(a.ID))
			waiting, err := w.service.Waiting(t.Context(), c.by, approvals.Filter{})
			require.NoError(t, err)
			require.Empty(t, waiting, "what somebody may not decide does not wait for them")
		})
	}
	waiting, err := w.service.Waiting(t.Context(), member(purpose), approvals.Filter{})
	require.NoError(t, err)
	require.Len(t, waiting, 1)
	_, err = w.service.Decide(t.Context(), a.ID, member(purpose), approvals.Approved, "")
	require.NoError(t, err)
}

func TestDecidedTwiceIsRefused(t *testing.T) {
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	decided, err := w.decide(a.ID, approvals.Rejected)
	require.NoError(t, err)
	for _, verdict := range []approvals.Verdict{approvals.Approved, approvals.Rejected} {
		_, err = w.decide(a.ID, verdict)
		require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	}
	_, err = w.service.Cancel(t.Context(), a.ID, w.maker, "")
	require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	require.Equal(t, decided, w.stored(a.ID))
	require.Equal(t, []string{"rejected"}, w.effects(a.ID))
}

func TestManyDecideAtOnceAndOneIsTheFirst(t *testing.T) {
	const many = 24
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	var wins atomic.Int64
	var running sync.WaitGroup
	start := make(chan struct{})
	for i := range many {
		by := w.staff()
		verdict := []approvals.Verdict{approvals.Approved, approvals.Rejected}[i%2]
		running.Go(func() {
			<-start
			decided, err := w.service.Decide(t.Context(), a.ID, by, verdict, "")
			if err == nil && decided.Checker == by.Actor && decided.Status == verdict {
				wins.Add(1)
			} else if !fault.Is(err, fault.InvalidState) {
				t.Errorf("a loser's answer is %v", err)
			}
		})
	}
	close(start)
	running.Wait()
	require.Equal(t, int64(1), wins.Load())
	require.Equal(t, []string{string(w.stored(a.ID).Status)}, w.effects(a.ID))
}

func TestAFailedEffectDecidesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	w.effect.fail = fault.New(fault.InsufficientFunds, "spent meanwhile")
	_, err := w.decide(a.ID, approvals.Approved)
	require.True(t, fault.Is(err, fault.InsufficientFunds), "%v", err)
	require.Equal(t, a, w.stored(a.ID))
	require.Empty(t, w.effects(a.ID))
	w.effect.fail = nil
	_, err = w.decide(a.ID, approvals.Rejected)
	require.NoError(t, err)
}

func TestTooLate(t *testing.T) {
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	w.clock.Advance(life - time.Microsecond)
	done, err := w.service.Expire(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, done, "its last moment is not over")

	w.clock.Advance(time.Microsecond)
	refused := func() {
		t.Helper()
		_, err := w.decide(a.ID, approvals.Approved)
		require.True(t, fault.Is(err, fault.QuoteExpired), "%v", err)
		waiting, err := w.service.Waiting(t.Context(), w.checker, approvals.Filter{})
		require.NoError(t, err)
		require.Empty(t, waiting)
	}
	refused()
	require.Empty(t, w.effects(a.ID))
	done, err = w.service.Expire(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, done)
	refused()
	require.Equal(t, approvals.Expired, w.stored(a.ID).Status)
	require.Equal(t, []string{"expired"}, w.effects(a.ID))
	done, err = w.service.Expire(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, done)
	w.propose(w.proposal("txn"))
}

func TestExpiryComesInBatchesAndOneFailureKeepsOnlyItself(t *testing.T) {
	w := newWorld(t)
	bad := w.propose(w.proposal("bad"))
	for _, subject := range []string{"a", "b", "c"} {
		w.clock.Advance(time.Second)
		w.propose(w.proposal(subject))
	}
	w.clock.Advance(life)
	w.exec("alter table effects add constraint no_bad check (id <> '" + bad.ID.String() + "')")
	done, err := w.service.Expire(t.Context(), 3)
	require.ErrorContains(t, err, bad.ID.String())
	require.Equal(t, 2, done)
	require.Equal(t, approvals.Pending, w.stored(bad.ID).Status)
	w.exec("alter table effects drop constraint no_bad")
	done, err = w.service.Expire(t.Context(), 3)
	require.NoError(t, err)
	require.Equal(t, 2, done)
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	_, err := w.service.Cancel(t.Context(), a.ID, w.checker.Actor, "")
	require.True(t, fault.Is(err, fault.CodeForbidden), "%v", err)
	_, err = w.service.Cancel(t.Context(), ids.New(noon), w.maker, "")
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	cancelled, err := w.service.Cancel(t.Context(), a.ID, w.maker, "the wrong one")
	require.NoError(t, err)
	require.Equal(t, approvals.Cancelled, cancelled.Status)
	require.Equal(t, cancelled, w.stored(a.ID))
	require.Zero(t, cancelled.Checker, "nobody checked it")
	require.Equal(t, []string{"cancelled"}, w.effects(a.ID))
}

func TestASubjectWaitsOnce(t *testing.T) {
	w := newWorld(t)
	first := w.propose(w.proposal("txn"))
	_, err := w.try(w.proposal("txn"))
	require.True(t, fault.Is(err, fault.DuplicateEntity), "%v", err)
	w.propose(w.proposal("another"))
	_, err = w.decide(first.ID, approvals.Rejected)
	require.NoError(t, err)
	w.propose(w.proposal("txn"))
}

func TestBadProposals(t *testing.T) {
	w := newWorld(t)
	cases := []struct {
		name   string
		change func(p *approvals.Proposal)
		code   fault.Code
		field  string
	}{
		{"a kind that nobody decides", func(p *approvals.Proposal) { p.Kind = "wish" }, fault.InternalServerError, ""},
		{"no subject", func(p *approvals.Proposal) { p.Subject = "" }, fault.InternalServerError, ""},
		{"no purpose", func(p *approvals.Proposal) { p.Purpose = "" }, fault.InternalServerError, ""},
		{"no maker", func(p *approvals.Proposal) { p.Maker.ID = uuid.Nil }, fault.InternalServerError, ""},
		{"no kind of maker", func(p *approvals.Proposal) { p.Maker.Kind = "" }, fault.InternalServerError, ""},
		{"over before it begins", func(p *approvals.Proposal) { p.ExpiresAt = noon }, fault.InternalServerError, ""},
		{"for ever", func(p *approvals.Proposal) { p.ExpiresAt = noon.Add(approvals.MaxLife + 1) }, fault.InternalServerError, ""},
		{"no JSON", func(p *approvals.Proposal) { p.Payload = "{" }, fault.InternalServerError, ""},
		{"no summary", func(p *approvals.Proposal) { p.Summary = "" }, fault.InternalServerError, ""},
		{"too large", func(p *approvals.Proposal) {
			p.Payload = `"` + strings.Repeat("x", approvals.MaxPayload) + `"`
		}, fault.PayloadTooLarge, ""},
		{"a summary of a page", func(p *approvals.Proposal) { p.Summary = strings.Repeat("x", 501) }, fault.ValidationError, "summary"},
		{"a summary with a NUL", func(p *approvals.Proposal) { p.Summary = "a\x00" }, fault.ValidationError, "summary"},
		{"a summary in no encoding", func(p *approvals.Proposal) { p.Summary = "\xff" }, fault.ValidationError, "summary"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := w.proposal("txn")
			c.change(&p)
			_, err := w.try(p)
			require.True(t, fault.Is(err, c.code), "%v", err)
			if c.field != "" {
				require.Contains(t, fault.From(err).Fields, c.field)
			}
			waiting, err := w.service.Waiting(t.Context(), w.checker, approvals.Filter{})
			require.NoError(t, err)
			require.Empty(t, waiting)
		})
	}
}

func TestBadDecisions(t *testing.T) {
	w := newWorld(t)
	a := w.propose(w.proposal("txn"))
	_, err := w.decide(ids.New(noon), approvals.Approved)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	_, err = w.decide(a.ID, approvals.Expired)
	require.ErrorContains(t, err, "no verdict")
	for _, note := range []string{"\x00", strings.Repeat("x", 501)} {
		_, err = w.service.Decide(t.Context(), a.ID, w.checker, approvals.Approved, note)
		require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
		require.Contains(t, fault.From(err).Fields, "note")
		_, err = w.service.Cancel(t.Context(), a.ID, w.maker, note)
		require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
	}
	_, err = w.service.ByID(t.Context(), ids.New(noon))
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	require.Equal(t, a, w.stored(a.ID))
}

func TestWaitingPagesOldestFirst(t *testing.T) {
	w := newWorld(t)
	var want []uuid.UUID
	for _, subject := range []string{"a", "b", "c"} {
		want = append(want, w.propose(w.proposal(subject)).ID)
		w.clock.Advance(time.Second)
	}
	page := func(f approvals.Filter) (got []uuid.UUID) {
		t.Helper()
		all, err := w.service.Waiting(t.Context(), w.checker, f)
		require.NoError(t, err)
		for _, a := range all {
			require.Empty(t, a.Payload)
			require.NotEmpty(t, a.Summary)
			got = append(got, a.ID)
		}
		return got
	}
	require.Equal(t, want, page(approvals.Filter{}))
	require.Equal(t, want[:2], page(approvals.Filter{Most: 2}))
	require.Equal(t, want[2:], page(approvals.Filter{Most: 2, After: want[1]}))
	require.Equal(t, want, page(approvals.Filter{Kinds: []string{"tariffs", kind}, Most: approvals.MaxPage + 1}))
	require.Empty(t, page(approvals.Filter{Kinds: []string{"tariffs"}}))
}

// TestWhatWasProposedAndDecidedStays: the tables themselves refuse, whoever asks.
func TestWhatWasProposedAndDecidedStays(t *testing.T) {
	w := newWorld(t)
	decided := w.propose(w.proposal("decided"))
	_, err := w.decide(decided.ID, approvals.Approved)
	require.NoError(t, err)
	pending := w.propose(w.proposal("pending"))
	for _, text := range []string{
		"update approvals set payload = '{}' where id = '" + pending.ID.String() + "'",
		"update approvals set maker_id = gen_random_uuid() where id = '" + pending.ID.String() + "'",
		"update approvals set status = 'pending' where id = '" + decided.ID.String() + "'",
		"update approvals set note = 'x' where id = '" + decided.ID.String() + "'",
		"delete from approvals",
	} {
		require.ErrorContains(t, w.db.ExecText(t.Context(), text), "append-only", text)
	}
	require.ErrorContains(t, w.db.ExecText(t.Context(), "truncate approvals cascade"), "append-only")
	require.ErrorContains(t, w.db.ExecText(t.Context(), "update approvals set status = 'approved', decided_at = now(), "+
		"checker_kind = maker_kind, checker_id = maker_id where status = 'pending'"), "approvals_two_people")
}

func TestAKindHasOneEffect(t *testing.T) {
	effects := approvals.Registry{}
	effects.Add(kind, &effect{})
	require.Panics(t, func() { effects.Add(kind, &effect{}) })
}
