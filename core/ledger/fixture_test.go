package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// patience bounds what a test waits for; it is used up only when something hangs.
const patience = 30 * time.Second

// noon is when the fixture's clock stands: a day on which Barbados and UTC agree about the date.
var noon = time.Date(2026, time.November, 21, 16, 0, 0, 0, time.UTC)

var barbados = mustLocation("America/Barbados")

func mustLocation(name string) *time.Location {
	loc, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return loc
}

// market is a ledger with its own database, one writer, and a few accounts. When its test ends, the books are
// checked.
type market struct {
	t     testing.TB
	db    *sql.DB
	url   string
	clock *clock.Manual
	keys  *secret.Keyring
	store *ledger.Store
	*ledger.Writer

	trust, fees, tax, expense, commission uuid.UUID
	// broken says that the test damaged the books on purpose.
	broken bool
}

func newMarket(t testing.TB) *market {
	t.Helper()
	db, url := sqltest.Open(t)
	m := &market{t: t, db: db, url: url, clock: clock.NewManual(noon), keys: secret.EphemeralKeyring()}
	m.store = ledger.NewStore(db, m.clock)
	m.trust = m.open(ledger.Trust, nil)
	m.fees = m.open(ledger.FeeIncome, nil)
	m.tax = m.open(ledger.TaxPayable, nil)
	m.expense = m.open(ledger.CommissionExpense, nil)
	m.commission = m.open(ledger.Commission, ledger.ZeroFloor())
	m.Writer = m.writer("one", url)
	t.Cleanup(m.check)
	return m
}

// writer starts one more node.
func (m *market) writer(node, url string) *ledger.Writer {
	m.t.Helper()
	return m.writerWith(ledger.WriterOptions{Node: node}, url)
}

// writerWith starts a node with some options of its own.
func (m *market) writerWith(o ledger.WriterOptions, url string) *ledger.Writer {
	m.t.Helper()
	db, err := ledger.OpenDB(context.Background(), url)
	require.NoError(m.t, err)
	o.DB, o.Clock, o.Credentials, o.Location, o.Codes = db, m.clock, pins{}, barbados, m.keys.PINPepper
	w, err := ledger.NewWriter(o)
	require.NoError(m.t, err)
	m.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(m.t, w.Close(ctx))
		require.NoError(m.t, db.Close())
	})
	return w
}

func (m *market) poster() *ledger.Poster {
	return ledger.NewPoster(ledger.PosterOptions{
		Clock: m.clock, Credentials: pins{}, Location: barbados, Codes: m.keys.PINPepper,
	})
}

func (m *market) check() {
	m.t.Helper()
	if m.broken {
		return
	}
	report, err := m.store.Check(context.Background())
	require.NoError(m.t, err)
	require.Empty(m.t, report.Breach)
}

func (m *market) open(p ledger.Product, floor *int64) uuid.UUID {
	m.t.Helper()
	id := ids.New(m.clock.Now())
	err := m.db.InTx(context.Background(), func(ctx context.Context, tx *sql.Tx) error {
		return m.store.OpenIn(ctx, tx, ledger.Account{
			ID: id, OwnerKind: "test", OwnerID: id.String(), Product: p, Currency: money.BBD, Floor: floor, Tier: 1,
		})
	})
	require.NoError(m.t, err)
	return id
}

// wallet opens a wallet with money on it.
func (m *market) wallet(minor int64) uuid.UUID {
	m.t.Helper()
	id := m.open(ledger.Wallet, ledger.ZeroFloor())
	if minor > 0 {
		m.must(m.fund(id, minor))
	}
	return id
}

func (m *market) wallets(n int, minor int64) []uuid.UUID {
	m.t.Helper()
	all := make([]uuid.UUID, n)
	for i := range all {
		all[i] = m.wallet(minor)
	}
	return all
}

func (m *market) fund(to uuid.UUID, minor int64) *ledger.Command {
	return m.command(ledger.Line{Account: m.trust, Side: ledger.Debit, Minor: minor},
		ledger.Line{Account: to, Side: ledger.Credit, Minor: minor})
}

var keyNumber atomic.Int64

// key is a new idempotency key.
func key() ledger.Key {
	return ledger.Key{Scope: "cus:test", Operation: "move", Value: fmt.Sprint(keyNumber.Add(1))}
}

// command is a posting under a new key.
func (m *market) command(lines ...ledger.Line) *ledger.Command {
	k := key()
	return &ledger.Command{
		Key: k, Body: sha256.Sum256([]byte(k.Value)), Currency: money.BBD, Lines: lines, Posting: ids.New(m.clock.Now()),
	}
}

// transfer moves minor from one wallet to another.
func (m *market) transfer(from, to uuid.UUID, minor int64) *ledger.Command {
	return m.command(ledger.Line{Account: from, Side: ledger.Debit, Minor: minor},
		ledger.Line{Account: to, Side: ledger.Credit, Minor: minor})
}

// send is the whole business of a transfer with a fee: four lines, a transaction, notices, a counter and a PIN.
func (m *market) send(from, to uuid.UUID, minor int64) *ledger.Command {
	const fee, tax = 100, 18
	c := m.command(
		ledger.Line{Account: from, Side: ledger.Debit, Minor: minor + fee},
		ledger.Line{Account: to, Side: ledger.Credit, Minor: minor},
		ledger.Line{Account: m.fees, Side: ledger.Credit, Minor: fee - tax},
		ledger.Line{Account: m.tax, Side: ledger.Credit, Minor: tax})
	now := m.clock.Now()
	c.Transaction = &transactions.Transaction{
		ID: c.Posting, Intent: ids.New(now), Type: transactions.P2P, Status: transactions.Completed,
		Amount: money.Of(minor, money.BBD), Fee: money.Of(fee, money.BBD), Tax: money.Of(tax, money.BBD),
		Commission: money.Of(0, money.BBD),
		From:       transactions.Party{Account: from, Owner: from, Name: "Marcia B."},
		To:         transactions.Party{Account: to, Owner: to, Name: "Andre C."}, Channel: transactions.USSD,
	}
	c.Notices = []outbox.Notice{
		{ID: ids.New(now), Template: "sent", To: somebody, Language: "en", Args: map[string]string{
			"amount": "50.00", "name": "Andre C.", "ref": outbox.PlaceReceipt, "balance": outbox.PlaceBalance(from)}},
		{ID: ids.New(now), Template: "received", To: somebody, Language: "en", Args: map[string]string{
			"amount": "50.00", "name": "Marcia B.", "ref": outbox.PlaceReceipt, "balance": outbox.PlaceBalance(to)}},
	}
	shown := int64(fee)
	c.Fee, c.FeeShown = fee, &shown
	return c
}

var somebody = mustNumber("12462501001")

func mustNumber(digits string) msisdn.MSISDN {
	m, err := msisdn.FromNetwork(digits)
	if err != nil {
		panic(err)
	}
	return m
}

func (m *market) submit(c *ledger.Command) (ledger.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return m.Submit(ctx, c)
}

func (m *market) must(c *ledger.Command) ledger.Result {
	m.t.Helper()
	r, err := m.submit(c)
	require.NoError(m.t, err)
	return r
}

func (m *market) refused(c *ledger.Command, code fault.Code) *fault.Error {
	m.t.Helper()
	_, err := m.submit(c)
	require.Error(m.t, err)
	f := fault.From(err)
	require.Equal(m.t, code, f.Code, "%v", err)
	return f
}

func (m *market) balance(id uuid.UUID) ledger.Balance {
	m.t.Helper()
	b, err := m.store.Balance(context.Background(), id)
	require.NoError(m.t, err)
	return b
}

func (m *market) posted(id uuid.UUID) int64 { return m.balance(id).Posted }

// count runs a counting statement of the test's own.
func (m *market) count(text string, args ...any) (n int64) {
	m.t.Helper()
	require.NoError(m.t, m.db.Get(context.Background(), &n, sql.Query{Name: "test", Text: text}, args...))
	return n
}

func (m *market) exec(text string, args ...any) error {
	_, err := m.db.Exec(context.Background(), sql.Query{Name: "test", Text: text}, args...)
	return err
}

// pins is a Credentials over the real table. The column sealed holds the PIN as it is: what is tested here is the
// ledger's half of the bargain.
type pins struct{}

const maxWrong = 3

var (
	lockPins = sql.Query{Name: "test.lock_pins", Text: `with locked as materialized (
			select * from credentials where subject_id = any($1::uuid[]) order by subject_id for update
		)
		select coalesce(json_agg(json_build_object('SubjectID', subject_id, 'Sealed', encode(sealed, 'base64'),
			'Wrong', wrong, 'LockedUntil', locked_until)), '[]')::text as credentials from locked`}
	savePins = sql.Query{Name: "test.save_pins", Text: `update credentials c set wrong = u.wrong, locked_until = u.until
		from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::bigint[]) as u (id, wrong, until, read)
		where c.subject_id = u.id and c.wrong = u.read`}
)

func (pins) SaveQuery() sql.Query { return savePins }

func (pins) LockQuery() sql.Query { return lockPins }

type pinRow struct {
	SubjectID   uuid.UUID
	Sealed      []byte
	Wrong       int
	LockedUntil *time.Time
	read        int
	changed     bool
}

type lockedPins map[uuid.UUID]*pinRow

func (pins) Locked(text string) (ledger.LockedCredentials, error) {
	var rows []*pinRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return nil, err
	}
	locked := lockedPins{}
	for _, r := range rows {
		r.read = r.Wrong
		locked[r.SubjectID] = r
	}
	return locked, nil
}

func (l lockedPins) Verify(c ledger.Check, now time.Time) error {
	r := l[c.Subject]
	if r == nil {
		return fault.New(fault.PINInvalid, "no credential").With("attempts_left", 0)
	}
	if r.LockedUntil != nil && r.LockedUntil.After(now) {
		return fault.New(fault.AccountLocked, "locked").With("retry_after_seconds", int(r.LockedUntil.Sub(now).Seconds()))
	}
	if bytes.Equal(r.Sealed, []byte(c.Secret.Reveal())) {
		r.changed = r.changed || r.Wrong != 0
		r.Wrong = 0
		return nil
	}
	r.Wrong, r.changed = r.Wrong+1, true
	if r.Wrong >= maxWrong {
		until := now.Add(time.Hour)
		r.LockedUntil = &until
	}
	return fault.New(fault.PINInvalid, "wrong").With("attempts_left", maxWrong-r.Wrong)
}

func (l lockedPins) Changes() (args []any, rows int) {
	columns := make(sql.Columns, 4)
	for _, r := range l {
		if !r.changed {
			continue
		}
		columns[0].UUID(r.SubjectID)
		columns[1].Int(int64(r.Wrong))
		var until time.Time
		if r.LockedUntil != nil {
			until = *r.LockedUntil
		}
		columns[2].Time(until)
		columns[3].Int(int64(r.read))
	}
	return columns.Args(), columns.Rows()
}

// pin gives a subject the PIN 1357.
func (m *market) pin(subject uuid.UUID) {
	m.t.Helper()
	require.NoError(m.t, m.exec(`insert into credentials (subject_kind, subject_id, sealed, salt, pepper_version, kek_key, changed_at)
		values ('customer', $1, '1357', '', 1, 1, now())`, subject))
}

func check(subject uuid.UUID, pin string) *ledger.Check {
	return &ledger.Check{Subject: subject, Secret: secret.New(pin)}
}

func (m *market) wrong(subject uuid.UUID) int64 {
	m.t.Helper()
	return m.count("select wrong from credentials where subject_id = $1", subject)
}
