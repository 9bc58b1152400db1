package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/outbound/checkpoints"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/payments"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
	"nova/sql/sqltest"
)

// booksAtATerminal are books with one wallet, for the commands that look at them.
type booksAtATerminal struct {
	t      *testing.T
	db     *sql.DB
	store  *ledger.Store
	dir    string
	books  payments.Books
	wallet uuid.UUID
}

func newBooksAtATerminal(t *testing.T) *booksAtATerminal {
	t.Helper()
	db, url := sqltest.Open(t)
	b := &booksAtATerminal{t: t, db: db, store: ledger.NewStore(db, clock.System{}), dir: t.TempDir()}
	t.Setenv("DATABASE_URL", url)
	t.Setenv("NOVA_DATA_DIR", b.dir)
	require.NoError(t, secret.GenerateSigner(filepath.Join(b.dir, "keys"), ledger.SignerName))
	var err error
	b.books, err = payments.OpenBooks(t.Context(), db, b.store, money.BBD, clock.System{})
	require.NoError(t, err)
	b.wallet = ids.New(clock.System{}.Now())
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return b.store.OpenIn(ctx, tx, ledger.Account{
			ID: b.wallet, OwnerKind: "customer", OwnerID: b.wallet.String(), Product: ledger.Wallet, Currency: money.BBD,
			Floor: ledger.ZeroFloor(),
		})
	}))
	return b
}

// pay puts money on the wallet and returns the receipt.
func (b *booksAtATerminal) pay(minor int64) (receipt string) {
	b.t.Helper()
	id, none := ids.New(clock.System{}.Now()), money.Of(0, money.BBD)
	key := ledger.Key{Scope: "test", Operation: "pay", Value: id.String()}
	require.NoError(b.t, b.db.InTx(b.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		r, err := ledger.NewPoster(ledger.PosterOptions{Clock: clock.System{}}).PostIn(ctx, tx, &ledger.Command{
			Key: key, Body: key.Digest(), Currency: money.BBD, Posting: id,
			Lines: []ledger.Line{
				{Account: b.books.Trust, Side: ledger.Debit, Minor: minor}, {Account: b.wallet, Side: ledger.Credit, Minor: minor},
			},
			Transaction: &transactions.Transaction{
				ID: id, Type: transactions.Adjustment, Status: transactions.Completed, Channel: transactions.Console,
				Amount: money.Of(minor, money.BBD), Fee: none, Tax: none, Commission: none,
			},
		})
		receipt = r.Receipt
		return err
	}))
	return receipt
}

func (b *booksAtATerminal) checkpoint() {
	b.t.Helper()
	log, err := checkpoints.Open(filepath.Join(b.dir, "checkpoints"), "test")
	require.NoError(b.t, err)
	keys, err := secret.LoadSigner(filepath.Join(b.dir, "keys"), ledger.SignerName)
	require.NoError(b.t, err)
	n, err := ledger.NewCheckpointer(b.store, keys, log).Write(b.t.Context())
	require.NoError(b.t, err)
	require.Equal(b.t, 1, n)
	require.NoError(b.t, log.Close())
}

func TestAReceiptIsProvedAtATerminal(t *testing.T) {
	b := newBooksAtATerminal(t)
	receipt := b.pay(5_00)
	_, err := runLedger(t, "proof", receipt)
	require.True(t, fault.Is(err, fault.InvalidState), "no checkpoint yet: %v", err)
	b.checkpoint()
	out, err := runLedger(t, "proof", receipt)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "proof.json")
	require.NoError(t, os.WriteFile(path, []byte(out), 0o600))
	told, err := runLedger(t, "proof", "--check", path)
	require.NoError(t, err)
	require.Contains(t, told, "the proof holds: receipt "+receipt)
	public, err := runLedger(t, "key")
	require.NoError(t, err)
	keyPath := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(keyPath, []byte(public), 0o600))
	require.NotContains(t, public, "PRIVATE")
	t.Setenv("NOVA_KEYS_DIR", t.TempDir()) // whoever verifies has no keys that sign
	_, err = runLedger(t, "proof", "--check", path)
	require.Error(t, err)
	_, err = runLedger(t, "proof", "--check", path, "--key", keyPath)
	require.NoError(t, err)
	_, err = runLedger(t, "proof", "--check", path, "--key", path)
	require.ErrorContains(t, err, "no PEM block")
	t.Setenv("NOVA_KEYS_DIR", "")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(out, " C 500 ", " C 900 ", 1)), 0o600))
	_, err = runLedger(t, "proof", "--check", path)
	require.ErrorContains(t, err, "the proof does not hold: the posting is not in its group")
	for _, args := range [][]string{{"proof"}, {"proof", "NONE"}, {"proof", receipt, "--check", path}, {"proof", "--check", "nowhere"}} {
		_, err = runLedger(t, args...)
		require.Error(t, err, args)
	}

	told, err = runLedger(t, "verify")
	require.NoError(t, err)
	require.Regexp(t, `the books are right: \d+ accounts, 1 postings, 2 entries, 1 seals, 1 checkpoints, 0 counters`, told)
	_, err = runLedger(t, "verify", "--since", "yesterday")
	require.ErrorContains(t, err, "--since")
	require.NoError(t, b.db.ExecText(t.Context(), "update balances set posted = posted + 1 where posted = 500 and floor = 0"))
	_, err = runLedger(t, "verify")
	require.ErrorContains(t, err, "the books are wrong: every balance is the sum of its entries")
}

func TestMoneyOfUnknownOwnersIsKeptAtATerminal(t *testing.T) {
	b := newBooksAtATerminal(t)
	out, err := runLedger(t, "suspense", "book", "50.00", "BANK-7", "--note", "no name")
	require.NoError(t, err)
	item := regexp.MustCompile(`[0-9a-f-]{36}`).FindString(out)
	require.NotEmpty(t, item)
	out, err = runLedger(t, "suspense", "list")
	require.NoError(t, err)
	require.Regexp(t, item+` +BBD 50\.00 +BANK-7 +0 +no name +-`, out)
	_, err = runLedger(t, "suspense", "book", "50.00", "BANK-7")
	require.True(t, fault.Is(err, fault.DuplicateEntity), "%v", err)
	_, err = runLedger(t, "suspense", "settle", item, ids.Format(ids.Account, b.books.FeeIncome))
	require.True(t, fault.Is(err, fault.ValidationError), "no income out of nothing: %v", err)
	_, err = runLedger(t, "suspense", "settle", item, ids.Format(ids.Wallet, b.wallet), "--note", "it was hers")
	require.NoError(t, err)
	_, err = runLedger(t, "suspense", "settle", item, ids.Format(ids.Wallet, b.wallet))
	require.True(t, fault.Is(err, fault.InvalidState), "%v", err)
	balance, err := b.store.Balance(t.Context(), b.wallet)
	require.NoError(t, err)
	require.EqualValues(t, 50_00, balance.Posted)
	for _, args := range [][]string{
		{"book", "-1.00", "X"}, {"book", "1.001", "X"}, {"book", "0", "X"}, {"settle", "x", "y"}, {"settle", item, "y"},
	} {
		_, err = runLedger(t, append([]string{"suspense"}, args...)...)
		require.Error(t, err, args)
	}
}
