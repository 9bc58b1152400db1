package rules_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/approvals"
	"nova/core/clock"
	"nova/core/ids"
	"nova/core/money"
	"nova/core/rules"
	"nova/core/rules/document"
	"nova/core/tariffs"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

const purpose = "config.change"

// world is one database, and the nodes that a test starts on it.
type world struct {
	t     *testing.T
	db    *sql.DB
	clock *clock.Manual
	maker approvals.Actor
}

// node is one process's keeper, with the approvals that decide about its drafts.
type node struct {
	*rules.Keeper[*tariffs.Book]
	w         *world
	approvals *approvals.Service
	log       *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, _ := sqltest.Open(t)
	return &world{t: t, db: db, clock: clock.NewManual(noon), maker: approvals.Actor{Kind: "staff", ID: ids.New(noon)}}
}

// builtIn is the price list that Nova ships with.
func builtIn(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../configs/tariffs.yaml")
	require.NoError(t, err)
	return string(data)
}

// dearer is the price list with a send at another flat fee, under a name of its own.
func dearer(t *testing.T, name, fee string) string {
	t.Helper()
	old := builtIn(t)
	changed := strings.Replace(strings.Replace(old, "name: p2p-1", "name: "+name, 1), `flat: "1.00"`, `flat: "`+fee+`"`, 1)
	require.NotEqual(t, old, changed)
	return changed
}

// open starts a node with a file and a parser.
func (w *world) open(file string, parse func([]byte) (*tariffs.Book, error)) (*node, error) {
	n := &node{w: w, log: &bytes.Buffer{}}
	effects := approvals.Registry{}
	n.approvals = approvals.New(w.db, w.clock, effects)
	var err error
	n.Keeper, err = rules.Open(w.t.Context(), rules.Options[*tariffs.Book]{
		DB: w.db, Clock: w.clock, Log: slog.New(slog.NewTextHandler(n.log, nil)), Approvals: n.approvals,
		Kind: rules.Tariffs, Purpose: purpose, First: []byte(file), Parse: parse, Fits: fits,
	})
	if err == nil {
		effects.Add(string(rules.Tariffs), n.Keeper)
	}
	return n, err
}

func (w *world) node() *node {
	w.t.Helper()
	n, err := w.open(builtIn(w.t), tariffs.Parse)
	require.NoError(w.t, err)
	return n
}

func fits(next *tariffs.Book, _ time.Time, earlier []*tariffs.Book) (faults document.Faults) {
	if next.Currency() != money.BBD {
		faults = append(faults, document.Fault{Path: "currency", Problem: "is not the market's"})
	}
	for _, book := range earlier {
		faults = append(faults, next.Follows(book)...)
	}
	return faults
}

// checker is somebody else than the maker.
func (w *world) checker() approvals.Checker {
	return approvals.Checker{Actor: approvals.Actor{Kind: "staff", ID: ids.New(noon)}, Purposes: []string{purpose}}
}

func (n *node) propose(text string, from time.Time) (approvals.Approval, error) {
	return n.Propose(n.w.t.Context(), rules.Draft{Document: text, From: from, Maker: n.w.maker})
}

func (n *node) approve(id uuid.UUID) error {
	_, err := n.approvals.Decide(n.w.t.Context(), id, n.w.checker(), approvals.Approved, "")
	return err
}

// change makes a document the version that holds from a moment on.
func (n *node) change(text string, from time.Time) {
	n.w.t.Helper()
	a, err := n.propose(text, from)
	require.NoError(n.w.t, err)
	require.NoError(n.w.t, n.approve(a.ID))
}

func (n *node) load() {
	n.w.t.Helper()
	require.NoError(n.w.t, n.Load(n.w.t.Context()))
}

// fee is what a send of 50.00 costs at a moment, and by which version.
func (n *node) fee(at time.Time) (minor int64, version string) {
	n.w.t.Helper()
	charge, err := (tariffs.InForce{Books: n.Keeper}).Charge("p2p", money.Of(50_00, money.BBD), at)
	require.NoError(n.w.t, err)
	return charge.Fee.Minor, charge.Version
}

// rows are the versions as the database has them.
func (w *world) rows() (versions []int) {
	w.t.Helper()
	q := sql.Query{Name: "test.versions", Text: "select version from rule_books where kind = 'tariffs' order by version"}
	require.NoError(w.t, w.db.Select(w.t.Context(), &versions, q))
	return versions
}

func (w *world) exec(text string) error {
	return w.db.ExecText(context.WithoutCancel(w.t.Context()), text)
}
