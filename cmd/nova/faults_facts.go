package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/ledger"
	"nova/core/transactions"
	"nova/sql"
)

// What the database holds after a run, read as it stands and not through the code that wrote it.
var (
	factOwners = sql.Query{Name: "faults.owners", Text: `
		select wallet_id as account, msisdn as whose from customers
		union all select float_account, code from agents
		union all select commission_account, code from agents`}
	factAccounts = sql.Query{Name: "faults.accounts", Text: `
		select a.id, a.product, sum(b.posted)::bigint as posted, sum(b.held)::bigint as held, min(b.floor) as floor
		from accounts a join balances b on b.account_id = a.id group by a.id order by a.product, a.id`}
	factTransactions = sql.Query{Name: "faults.transactions", Text: `
		select id, receipt, type, status, amount, fee, tax, commission, posted_at, from_account, to_account
		from transactions order by id`}
	factHolds    = sql.Query{Name: "faults.holds", Text: `select account_id, minor, fee, status from holds order by id`}
	factNotices  = sql.Query{Name: "faults.notices", Text: `select transaction_id, template, msisdn, created_at, args from notices order by id`}
	factPromises = sql.Query{Name: "faults.promises", Text: `select count(*) from promises`}
)

// facts settles what is promised and reads what there is. Every node has stopped.
func (a *arena) facts(ctx context.Context) (f facts, err error) {
	p, err := a.parts(ctx)
	if err != nil {
		return facts{}, err
	}
	defer func() { _ = p.close(ctx) }() // everything is written
	if _, err := p.payments.SettlePromises(ctx, 0); err != nil {
		return facts{}, fmt.Errorf("settle promises: %w", err)
	}
	if f.Breach, err = verified(ctx, p); err != nil {
		return facts{}, err
	}
	r := &factReader{db: p.db, whose: map[uuid.UUID]string{}}
	for _, read := range []func(context.Context, *facts) error{r.owners, r.accounts, r.transactions, r.holds, r.notices} {
		if err := read(ctx, &f); err != nil {
			return facts{}, err
		}
	}
	return f, p.db.Get(ctx, &f.Promises, factPromises)
}

// verified is what `nova ledger verify` finds, but for the limits' counters: the books against themselves, and against the
// checkpoints.
func verified(ctx context.Context, p *parts) (breach string, err error) {
	report, err := p.ledger.Check(ctx)
	if err != nil || report.Breach != "" {
		return report.Breach, err
	}
	points, err := p.ledger.CheckCheckpoints(ctx, p.checkpoints, p.sealer, "")
	return points.Breach, err
}

// factReader turns rows into facts, which name people instead of accounts.
type factReader struct {
	db    *sql.DB
	whose map[uuid.UUID]string
}

func (r *factReader) owners(ctx context.Context, _ *facts) error {
	var rows []struct {
		Account uuid.UUID
		Whose   string
	}
	err := r.db.Select(ctx, &rows, factOwners)
	for _, row := range rows {
		r.whose[row.Account] = row.Whose
	}
	return err
}

func (r *factReader) accounts(ctx context.Context, f *facts) error {
	var rows []struct {
		ID           uuid.UUID
		Product      ledger.Product
		Posted, Held int64
		Floor        *int64
	}
	err := r.db.Select(ctx, &rows, factAccounts)
	opened := map[ledger.Product]int64{
		ledger.Wallet: benchBalance, ledger.Float: benchFloat, ledger.Trust: faultsCrowd.money(),
	}
	for _, row := range rows {
		f.Accounts = append(f.Accounts, accountFact{
			Whose: r.whose[row.ID], Product: row.Product, Opened: opened[row.Product],
			Posted: row.Posted, Held: row.Held, Floor: row.Floor,
		})
	}
	return err
}

func (r *factReader) transactions(ctx context.Context, f *facts) error {
	var rows []struct {
		ID                           uuid.UUID
		Receipt                      string
		Type                         transactions.Type
		Status                       transactions.Status
		Amount, Fee, Tax, Commission int64
		PostedAt                     time.Time `db:"posted_at"`
		From                         uuid.UUID `db:"from_account"`
		To                           uuid.UUID `db:"to_account"`
	}
	err := r.db.Select(ctx, &rows, factTransactions)
	for _, row := range rows {
		f.Transactions = append(f.Transactions, transactionFact{
			ID: row.ID.String(), Receipt: row.Receipt, Type: row.Type, Status: row.Status, Amount: row.Amount, Fee: row.Fee,
			Tax: row.Tax, Commission: row.Commission, PostedAt: row.PostedAt, From: r.whose[row.From], To: r.whose[row.To],
		})
	}
	return err
}

func (r *factReader) holds(ctx context.Context, f *facts) error {
	var rows []struct {
		Account    uuid.UUID `db:"account_id"`
		Minor, Fee int64
		Status     string
	}
	err := r.db.Select(ctx, &rows, factHolds)
	for _, row := range rows {
		f.Holds = append(f.Holds, holdFact{Whose: r.whose[row.Account], Status: row.Status, Minor: row.Minor, Fee: row.Fee})
	}
	return err
}

func (r *factReader) notices(ctx context.Context, f *facts) error {
	var rows []struct {
		Transaction uuid.NullUUID `db:"transaction_id"`
		Template    string
		To          string    `db:"msisdn"`
		CreatedAt   time.Time `db:"created_at"`
		Args        string
	}
	if err := r.db.Select(ctx, &rows, factNotices); err != nil {
		return err
	}
	for _, row := range rows {
		n := noticeFact{Template: row.Template, To: row.To, CreatedAt: row.CreatedAt}
		if row.Transaction.Valid {
			n.Transaction = row.Transaction.UUID.String()
		}
		var args map[string]string
		if err := json.Unmarshal([]byte(row.Args), &args); err != nil {
			return fmt.Errorf("arguments of a message: %w", err)
		}
		n.Amount, n.Receipt = minorOf(args["amount"]), args["receipt"]
		f.Notices = append(f.Notices, n)
	}
	return nil
}
