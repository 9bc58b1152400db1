package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/google/uuid"

	"nova/channels/rest"
	"nova/core/bank"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

// The client's accounts, made in a few statements as nobody else may, and what is posted on them.
var (
	crowdAccounts = sql.Query{Name: "bench.accounts", Text: `
		insert into accounts (id, opened_at, currency, owner_kind, owner_id, product, opened_by)
		select id, now(), $2, 'customer', id, 'wallet', $3 from unnest($1::uuid[]) id`}
	crowdBalances = sql.Query{Name: "bench.balances", Text: `
		insert into balances (account_id, floor, booked_at, credit_normal, currency)
		select id, 0, now(), true, $2 from unnest($1::uuid[]) id`}
)

// makeAccounts makes the client and its accounts, and pays money in.
func (l *ledgerBench) makeAccounts(ctx context.Context) error {
	p := l.parts
	if _, err := ledger.NewWorkers(p.db, p.writer, p.clock).MakePartitions(ctx); err != nil {
		return err
	}
	client, _, err := p.clients.Create(ctx, identity.NewClient{
		Name: demoClient, Secret: secret.New(demoSecret), Scopes: []string{rest.ScopeCorePostings},
		Purposes: []string{string(policy.LedgerPost)},
	})
	if err != nil {
		return err
	}
	l.client = client.ID
	trust, err := p.bank.Open(ctx, l.client, bank.NewAccount{
		OwnerType: "business", OwnerID: demoClient, Product: ledger.Trust, Currency: bankCurrency,
	})
	if err != nil {
		return err
	}
	l.trust = trust.ID
	for range bankAccounts {
		id := ids.New(p.clock.Now())
		l.accounts, l.names = append(l.accounts, id), append(l.names, ids.Format(ids.Account, id))
	}
	if _, err := p.db.Exec(ctx, crowdAccounts, sql.UUIDs(l.accounts), bankCurrency, bank.Opener(l.client)); err != nil {
		return err
	}
	if _, err := p.db.Exec(ctx, crowdBalances, sql.UUIDs(l.accounts), bankCurrency); err != nil {
		return err
	}
	for rest := l.accounts; len(rest) > 0; {
		some := rest[:min(len(rest), ledger.MaxLines-1)]
		rest = rest[len(some):]
		if err := l.fund(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// fund pays money in for some accounts, in one posting.
func (l *ledgerBench) fund(ctx context.Context, some []uuid.UUID) error {
	c := l.blank()
	c.Lines = []ledger.Line{{Account: l.trust, Side: ledger.Debit, Minor: bankStart * int64(len(some))}}
	for _, id := range some {
		c.Lines = append(c.Lines, ledger.Line{Account: id, Side: ledger.Credit, Minor: bankStart})
	}
	_, err := l.parts.writer.Submit(ctx, c)
	return err
}

// blank is a command with a key of its own and nothing to do.
func (l *ledgerBench) blank() *ledger.Command {
	id := ids.New(l.parts.clock.Now())
	key := ledger.Key{Scope: ids.Format(ids.Client, l.client), Operation: "core_posting_create", Value: id.String()}
	return &ledger.Command{Key: key, Body: key.Digest(), Currency: bankCurrency, Posting: id, Narration: "invoice 1041"}
}

// command is what core/bank makes of one of the load's requests.
func (l *ledgerBench) command() *ledger.Command {
	from, to := twoAccounts(false)
	c := l.blank()
	c.Reference = c.Key.Value
	c.Lines = []ledger.Line{
		{Account: l.accounts[from], Side: ledger.Debit, Minor: postingMinor},
		{Account: l.accounts[to], Side: ledger.Credit, Minor: postingMinor},
	}
	none := money.Of(0, bankCurrency)
	c.Transaction = &transactions.Transaction{
		ID: c.Posting, Type: transactions.Posting, Status: transactions.Completed, Channel: transactions.API,
		Amount: money.Of(postingMinor, bankCurrency), Fee: none, Tax: none, Commission: none,
		Client: l.client, Reference: c.Reference, CreatedAt: l.parts.clock.Now(),
		From: transactions.Party{Account: l.accounts[from]}, To: transactions.Party{Account: l.accounts[to]},
	}
	return c
}

// twoAccounts chooses two accounts by their places. The hot one takes money and is nobody's payer.
func twoAccounts(hot bool) (from, to int) {
	from = 1 + rand.IntN(bankAccounts-1) //nolint:gosec // which account is no secret
	if hot {
		return from, 0
	}
	return from, (from + 1 + rand.IntN(bankAccounts-2)) % bankAccounts //nolint:gosec // as above
}

// bankPath is where postings are sent.
const bankPath = "/v1/core/postings"

// bankLoad are postings over HTTP; no two runs share a reference or a key.
type bankLoad struct {
	names []string
	hot   bool
	token string
	run   string
}

// load is a new run's. Its token is new as well: a whole section may take longer than one lives.
func (l *ledgerBench) load(ctx context.Context, hot bool) (bankLoad, error) {
	t, err := l.parts.tokens.ClientCredentials(ctx, demoClient, secret.New(demoSecret))
	l.runs++
	return bankLoad{names: l.names, hot: hot, token: t.Access.Reveal(), run: fmt.Sprintf("run-%07d", l.runs)}, err
}

var posted = []byte(`"posting_id":"pst_`)

// calls are the load's requests to a path.
func (b bankLoad) calls(path string) calls {
	return calls{
		path: path, head: b.head, form: b.body,
		good: func(answer []byte) bool { return bytes.Contains(answer, posted) },
	}
}

func (b bankLoad) head(text []byte, n int) []byte {
	return fmt.Appendf(text, "Content-Type: application/json\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s-%d\r\n",
		b.token, b.run, n)
}

func (b bankLoad) body(text []byte, n int) []byte {
	from, to := twoAccounts(b.hot)
	const entry = `{"account_id":"%s","direction":"%s","amount":{"amount":"` + postingAmount + `","currency":"BBD"}}`
	return fmt.Appendf(text, `{"entries":[`+entry+`,`+entry+`],"narration":"invoice 1041","reference":"%s-%d"}`,
		b.names[from], ledger.Debit, b.names[to], ledger.Credit, b.run, n)
}
