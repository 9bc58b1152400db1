package rules_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/rules"
	"nova/core/tariffs"
)

func TestNodesThatStartTogetherMakeOneFirstVersion(t *testing.T) {
	const nodes = 8
	w := newWorld(t)
	start := make(chan struct{})
	versions := make([]string, nodes)
	var starting sync.WaitGroup
	for i := range nodes {
		file := dearer(t, fmt.Sprintf("p2p-of-node-%d", i), "1.50")
		starting.Go(func() {
			<-start
			n, err := w.open(file, tariffs.Parse)
			if err != nil {
				t.Errorf("node %d: %v", i, err)
				return
			}
			_, versions[i] = n.fee(w.clock.Now())
		})
	}
	close(start)
	starting.Wait()
	require.Equal(t, []int{1}, w.rows())
	for _, version := range versions {
		require.Equal(t, versions[0], version, "all nodes go by the same")
	}
}

func TestTheDatabaseDecidesOnceItHasAVersion(t *testing.T) {
	w := newWorld(t)
	first := w.node()
	require.Empty(t, first.log.String())
	require.Equal(t, rules.Version{Number: 1, From: noon, CreatedAt: noon, Hash: first.InForce().Hash}, first.InForce())

	w.clock.Advance(time.Hour)
	again := w.node()
	require.Empty(t, again.log.String(), "the file is the first version")
	changed, err := w.open(dearer(t, "p2p-2", "2.00"), tariffs.Parse)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(changed.log.String(), "\n"))
	require.Contains(t, changed.log.String(), "is ignored: propose it as a new version")
	fee, version := changed.fee(w.clock.Now())
	require.Equal(t, int64(1_00), fee)
	require.Equal(t, "p2p-1", version)
	require.Equal(t, []int{1}, w.rows())
	broken, err := w.open("no price list", tariffs.Parse)
	require.NoError(t, err, "a file that is ignored may say what it likes")
	broken.fee(w.clock.Now())
}

func TestABadFileIsNoFirstVersion(t *testing.T) {
	for text, want := range map[string]string{
		"currency: BBD\n": "tariffs: is missing",
		strings.Replace(builtIn(t), "currency: BBD", "currency: USD", 1): "currency: is not the market's",
	} {
		w := newWorld(t)
		_, err := w.open(text, tariffs.Parse)
		require.ErrorContains(t, err, want)
		require.Empty(t, w.rows())
	}
}

// TestAChangeAtMidnight: whoever prices one microsecond before the market's midnight goes by the old list, at midnight by
// the new one, on the node that took the decision and on the other.
func TestAChangeAtMidnight(t *testing.T) {
	for _, zone := range []string{"America/Barbados", "America/Havana"} {
		t.Run(zone, func(t *testing.T) {
			place, err := time.LoadLocation(zone)
			require.NoError(t, err)
			midnight := time.Date(2026, time.December, 1, 0, 0, 0, 0, place)
			w := newWorld(t)
			one, other := w.node(), w.node()
			one.change(dearer(t, "p2p-2", "2.00"), midnight)
			w.clock.Set(midnight.Add(-time.Second))
			for _, n := range []*node{one, other} {
				n.load()
				fee, version := n.fee(midnight.Add(-time.Microsecond))
				require.Equal(t, int64(1_00), fee)
				require.Equal(t, "p2p-1", version)
				fee, version = n.fee(midnight)
				require.Equal(t, int64(2_00), fee)
				require.Equal(t, "p2p-2", version)
				require.Equal(t, 1, n.InForce().Number)
			}
			w.clock.Set(midnight)
			require.Equal(t, 2, one.InForce().Number)
			fee, _ := one.fee(noon.AddDate(-1, 0, 0))
			require.Equal(t, int64(1_00), fee, "the first version holds for all time before it")
		})
	}
}

func TestTheMakerIsNotTheChecker(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	a, err := n.propose(dearer(t, "p2p-2", "2.00"), noon.Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, "tariffs: version 2 from 2026-11-18T17:00:00Z", a.Summary)
	_, err = n.approvals.Decide(t.Context(), a.ID,
		approvals.Checker{Actor: w.maker, Purposes: []string{purpose}}, approvals.Approved, "")
	require.True(t, fault.Is(err, fault.MakerCheckerViolation), "%v", err)
	require.Equal(t, []int{1}, w.rows())

	_, err = n.propose(dearer(t, "p2p-3", "3.00"), noon.Add(time.Hour))
	require.True(t, fault.Is(err, fault.DuplicateEntity), "one draft waits at a time: %v", err)
	require.NoError(t, n.approve(a.ID))
	require.True(t, fault.Is(n.approve(a.ID), fault.InvalidState))
	require.Equal(t, []int{1, 2}, w.rows())
}

func TestARejectedDraftIsNoVersion(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	a, err := n.propose(dearer(t, "p2p-2", "2.00"), noon.Add(time.Hour))
	require.NoError(t, err)
	_, err = n.approvals.Decide(t.Context(), a.ID, w.checker(), approvals.Rejected, "too dear")
	require.NoError(t, err)
	require.Equal(t, []int{1}, w.rows())
}

func TestADraftNamesEveryFault(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.change(dearer(t, "p2p-2", "2.00"), noon.Add(time.Hour))
	late := noon.Add(2 * time.Hour)
	cases := []struct {
		name, text string
		from       time.Time
		want       map[string]string
	}{
		{"too soon", dearer(t, "p2p-3", "3.00"), noon.Add(rules.Notice - 1), map[string]string{
			"effective_from": "is less than 2m0s ahead",
		}},
		{"at the same moment as another", dearer(t, "p2p-3", "3.00"), noon.Add(time.Hour), map[string]string{
			"effective_from": "is not after the last version's",
		}},
		{"a slip in the year", dearer(t, "p2p-3", "3.00"), noon.Add(rules.Ahead + time.Second), map[string]string{
			"effective_from": "is more than two years ahead",
		}},
		{"another price under an old name", dearer(t, "p2p-1", "3.00"), late, map[string]string{
			"tariffs[0].versions[0].name": "stood for other terms before",
		}},
		{"another price under the name of the version between", dearer(t, "p2p-2", "3.00"), late, map[string]string{
			"tariffs[0].versions[0].name": "stood for other terms before",
		}},
		{"another currency", strings.ReplaceAll(dearer(t, "p2p-3", "3.00"), "currency: BBD", "currency: USD"), late, nil},
		{"all at once", "currency: XXX\ntariffs: [{type: p2p, versions: [{name: a, colour: red}]}]", noon, map[string]string{
			"effective_from":                        "is less than 2m0s ahead",
			"currency":                              "is not known",
			"tariffs[0].versions[0].colour":         "is not a field here: there are name, from, until, fee, tax_bps, commission_bps",
			"tariffs[0].versions[0].from":           "is missing",
			"tariffs[0].versions[0].fee":            "is missing",
			"tariffs[0].versions[0].tax_bps":        "is missing",
			"tariffs[0].versions[0].commission_bps": "is missing",
		}},
		{"nothing", "", late, map[string]string{"document": "is not a mapping"}},
		{"a NUL in a comment", builtIn(t) + "# \x00\n", late, map[string]string{"document": "is not plain text"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := n.propose(c.text, c.from)
			require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
			if c.want != nil {
				require.Equal(t, c.want, fault.From(err).Fields)
			}
			waiting, err := n.approvals.Waiting(t.Context(), w.checker(), approvals.Filter{})
			require.NoError(t, err)
			require.Empty(t, waiting)
		})
	}
	a, err := n.propose(dearer(t, "p2p-2", "2.00"), late)
	require.NoError(t, err, "the same terms keep their name")
	require.Equal(t, late.Add(-rules.Lead), a.ExpiresAt)
}

// TestItIsTooLateToApproveWhenNodesCouldNotKnow: a version takes effect a Lead after its approval at the earliest.
func TestItIsTooLateToApproveWhenNodesCouldNotKnow(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	from := noon.Add(rules.Notice)
	a, err := n.propose(dearer(t, "p2p-2", "2.00"), from)
	require.NoError(t, err)
	w.clock.Set(from.Add(-rules.Lead))
	require.True(t, fault.Is(n.approve(a.ID), fault.QuoteExpired))
	require.Equal(t, []int{1}, w.rows())
	_, err = n.approvals.Expire(t.Context(), 1)
	require.NoError(t, err)

	from = w.clock.Now().Add(rules.Notice)
	a, err = n.propose(dearer(t, "p2p-2", "2.00"), from)
	require.NoError(t, err)
	w.clock.Set(from.Add(-rules.Lead - time.Microsecond))
	require.NoError(t, n.approve(a.ID))
}

// TestANodeThatHasNotLookedRefuses: it must not price by a book that another node has replaced. Whatever it did know
// when it last looked, it goes by no longer than nothing else can have taken effect.
func TestANodeThatHasNotLookedRefuses(t *testing.T) {
	w := newWorld(t)
	cut, deciding := w.node(), w.node()
	from := noon.Add(rules.Notice)
	a, err := deciding.propose(dearer(t, "p2p-2", "2.00"), from)
	require.NoError(t, err)
	w.clock.Set(from.Add(-rules.Lead - time.Microsecond))
	cut.load() // the last time
	require.NoError(t, deciding.approve(a.ID))

	fee, _ := cut.fee(w.clock.Now())
	require.Equal(t, int64(1_00), fee)
	w.clock.Set(from)
	_, err = cut.At(w.clock.Now())
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	require.NotNil(t, cut.Current(), "what is only shown may be old")
	cut.load()
	fee, _ = cut.fee(w.clock.Now())
	require.Equal(t, int64(2_00), fee)
}

// TestANodeGoesByWhatItCanReadUntilItCannot: an older node meets a document that only newer ones understand.
func TestANodeGoesByWhatItCanReadUntilItCannot(t *testing.T) {
	older := func(data []byte) (*tariffs.Book, error) {
		if strings.Contains(string(data), "p2p-new") {
			return nil, errors.New("a word that this build does not know")
		}
		return tariffs.Parse(data)
	}
	w := newWorld(t)
	old, err := w.open(builtIn(t), older)
	require.NoError(t, err)
	newer := w.node()
	from := noon.Add(rules.Notice)
	newer.change(dearer(t, "p2p-new", "2.00"), from)
	newer.change(dearer(t, "p2p-3", "3.00"), from.Add(time.Hour))

	w.clock.Set(from.Add(-time.Second))
	require.ErrorContains(t, old.Load(t.Context()), "version 2 of tariffs: a word")
	restarted, err := w.open(builtIn(t), older)
	require.NoError(t, err, "it serves until then")
	require.Contains(t, restarted.log.String(), "version 2 of tariffs: a word")
	for _, n := range []*node{old, restarted} {
		fee, _ := n.fee(from.Add(-time.Microsecond))
		require.Equal(t, int64(1_00), fee)
		_, err = n.At(from)
		require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	}
	w.clock.Set(from)
	require.Error(t, old.Load(t.Context()))
	_, err = old.At(from)
	require.True(t, fault.Is(err, fault.ServiceUnavailable), "%v", err)
	_, err = w.open(builtIn(t), older)
	require.ErrorContains(t, err, "version 2 of tariffs: a word")
}

// TestVersionsStay: the table itself refuses, and what its owner alters on purpose is not gone by.
func TestVersionsStay(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.change(dearer(t, "p2p-2", "2.00"), noon.Add(time.Hour))
	for _, text := range []string{
		"update rule_books set document = 'x' where version = 2",
		"update rule_books set effective_from = now() where version = 2",
		"delete from rule_books", "truncate rule_books",
	} {
		require.ErrorContains(t, w.exec(text), "append-only", text)
	}
	require.ErrorContains(t, w.exec("insert into rule_books (kind, version, effective_from, created_at, hash, document) "+
		"select kind, 9, now(), now(), hash, document from rule_books where version = 1"), "rule_books_approved")

	require.NoError(t, w.exec("alter table rule_books disable trigger rule_books_stay"))
	require.NoError(t, w.exec("update rule_books set document = replace(document, '1.00', '0.01') where version = 1"))
	_, err := w.open(builtIn(t), tariffs.Parse)
	require.ErrorContains(t, err, "version 1 of tariffs is not the document that was approved")
}

func TestVersionsCanBeLookedUp(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	text := dearer(t, "p2p-2", "2.00")
	a, err := n.propose(text, noon.Add(time.Hour))
	require.NoError(t, err)
	w.clock.Advance(time.Minute)
	checker := w.checker()
	_, err = n.approvals.Decide(t.Context(), a.ID, checker, approvals.Approved, "")
	require.NoError(t, err)

	all, err := n.Versions(t.Context(), 0, rules.MaxPage+1)
	require.NoError(t, err)
	require.Equal(t, []rules.Version{{
		Number: 2, From: noon.Add(time.Hour), CreatedAt: noon.Add(time.Minute), Approval: a.ID, Maker: w.maker,
		Checker: checker.Actor, Hash: all[0].Hash,
	}, n.InForce()}, all)
	page, err := n.Versions(t.Context(), 2, 1)
	require.NoError(t, err)
	require.Equal(t, all[1:], page)
	got, err := n.Text(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, text, got)
	_, err = n.Text(t.Context(), 3)
	require.True(t, fault.Is(err, fault.NotFound), "%v", err)
}

// TestADraftThatWasOvertakenIsRefused: what was sound when it was proposed is looked at again.
func TestADraftThatWasOvertakenIsRefused(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	a, err := n.propose(dearer(t, "p2p-2", "2.00"), noon.Add(time.Hour))
	require.NoError(t, err)
	other := ids.New(noon).String()
	require.NoError(t, w.exec("insert into approvals (id, maker_id, checker_id, made_at, expires_at, decided_at, kind, subject, "+
		"purpose, status, maker_kind, checker_kind, summary, payload) select '"+other+"', maker_id, '"+other+"', made_at, "+
		"expires_at, made_at, kind, subject, purpose, 'approved', maker_kind, maker_kind, summary, payload from approvals"))
	require.NoError(t, w.exec("insert into rule_books (kind, version, effective_from, created_at, hash, document, approval_id, "+
		"maker_id, checker_id) select r.kind, 2, a.made_at + interval '2 hours', a.made_at, r.hash, r.document, a.id, a.maker_id, "+
		"a.checker_id from rule_books r, approvals a where a.id = '"+other+"'"))
	err = n.approve(a.ID)
	require.True(t, fault.Is(err, fault.ValidationError), "%v", err)
	require.Equal(t, map[string]string{"effective_from": "is not after the last version's"}, fault.From(err).Fields)
	require.Equal(t, []int{1, 2}, w.rows())
}

// TestOnAnOlderSchemaTheFileDecides: new code starts before the schema is brought up to date.
func TestOnAnOlderSchemaTheFileDecides(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.exec("alter table rule_books rename to not_yet"))
	n := w.node()
	n.fee(w.clock.Now())
	require.Zero(t, n.InForce().Number)
	n.load()
	require.NoError(t, w.exec("alter table not_yet rename to rule_books"))
	require.Empty(t, w.rows())
	w.clock.Advance(time.Minute)
	n.load()
	require.Equal(t, []int{1}, w.rows())
	require.Equal(t, 1, n.InForce().Number)
	n.fee(w.clock.Now())
}

func TestANodeLooksByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n, deciding := w.node(), w.node()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { n.Run(ctx) })
	from := noon.Add(rules.Notice)
	deciding.change(dearer(t, "p2p-2", "2.00"), from)
	w.clock.Set(from)
	require.Eventually(t, func() bool { return n.InForce().Number == 2 }, 20*time.Second, 50*time.Millisecond)
	stop()
	running.Wait()
	require.Empty(t, n.log.String())
}

func TestADatabaseThatIsAwayIsLoggedAndMissed(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	require.NoError(t, w.exec("alter table rule_books rename to away"))
	require.Error(t, n.Load(t.Context()))
	fee, _ := n.fee(noon)
	require.Equal(t, int64(1_00), fee, "one failure costs nothing")
}
