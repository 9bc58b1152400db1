package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"nova/channels/rest"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/sql"
)

// The ceilings of postings. They answer the same requests as Nova, one call of a PL/pgSQL function each: bare.transfer
// writes as little as a transfer can, bare.post the rows that Nova writes, into tables of the same columns and indexes.
// bare.transfers is bare.transfer for many at once.

// bareBankSchema stands beside Nova's own tables, in the same database. LIKE copies columns, checks and indexes, but no
// fill factors.
const bareBankSchema = `
create schema bare;
create table bare.accounts (id uuid primary key, balance bigint not null check (balance >= 0)) with (fillfactor = 50);
create table bare.transfers (id uuid primary key, at timestamptz not null);
create table bare.lines (transfer_id uuid not null, account_id uuid not null, minor bigint not null);
create index on bare.lines (account_id);

create function bare.transfer(p_id uuid, p_payer uuid, p_payee uuid, p_minor bigint) returns text language plpgsql as $$
declare
    has bigint;
begin
    select balance into has from (
        select id, balance from bare.accounts where id in (p_payer, p_payee) order by id for update
    ) locked where id = p_payer;
    if has is null or has < p_minor then
        return null;
    end if;
    update bare.accounts set balance = balance - p_minor where id = p_payer;
    update bare.accounts set balance = balance + p_minor where id = p_payee;
    insert into bare.transfers values (p_id, now());
    insert into bare.lines values (p_id, p_payer, -p_minor), (p_id, p_payee, p_minor);
    return '';
end
$$;

create function bare.transfers(p_ids uuid[], p_payers uuid[], p_payees uuid[], p_minors bigint[]) returns bigint
    language plpgsql as $$
begin
    perform 1 from bare.accounts where id = any(p_payers || p_payees) order by id for update;
    update bare.accounts a set balance = a.balance + d.minor
    from (
        select account_id, sum(minor) as minor from (
            select * from unnest(p_payees, p_minors) as u (account_id, minor)
            union all
            select account_id, -minor from unnest(p_payers, p_minors) as u (account_id, minor)
        ) both_sides group by account_id
    ) d where a.id = any(p_payers || p_payees) and a.id = d.account_id;
    insert into bare.transfers select id, now() from unnest(p_ids) id;
    insert into bare.lines
    select id, account_id, minor from unnest(p_ids, p_payees, p_minors) as u (id, account_id, minor)
    union all
    select id, account_id, -minor from unnest(p_ids, p_payers, p_minors) as u (id, account_id, minor);
    return cardinality(p_ids);
end
$$;

create table bare.balances (like balances including all) with (fillfactor = 50);
create table bare.postings (like postings including all);
create table bare.entries (like entries including all) partition by range (booked_at);
create table bare.entries_all partition of bare.entries for values from (minvalue) to (maxvalue);
create table bare.transactions (like transactions including all) with (fillfactor = 95);
create table bare.idempotency_keys (like idempotency_keys including all);
create sequence bare.places cache 100;

create function bare.post(p_id uuid, p_payer uuid, p_payee uuid, p_minor bigint, p_narration text, p_reference text,
    p_client uuid, p_digest bytea, p_body bytea) returns text language plpgsql as $$
declare
    old     bare.idempotency_keys;
    b       bare.balances;
    payer   bare.balances;
    payee   bare.balances;
    now_at  timestamptz;
    place   bigint := nextval('bare.places');
    receipt text   := 'B' || place;
begin
    select * into old from bare.idempotency_keys where digest = p_digest;
    if found then
        return case when old.body = p_body then old.result::json ->> 'r' end;
    end if;
    for b in select * from bare.balances where account_id in (p_payer, p_payee) and lane = 0
        order by account_id for no key update
    loop
        if b.account_id = p_payer then payer := b; else payee := b; end if;
    end loop;
    if payer.status is distinct from 'active' or payee.status is distinct from 'active'
        or payer.currency <> payee.currency or payer.posted - payer.held - p_minor < payer.floor then
        return null;
    end if;
    now_at := greatest(clock_timestamp(), payer.booked_at, payee.booked_at);
    update bare.balances set posted = posted - p_minor, sequence = sequence + 1, booked_at = now_at
    where account_id = p_payer and lane = 0;
    update bare.balances set posted = posted + p_minor, sequence = sequence + 1, booked_at = now_at
    where account_id = p_payee and lane = 0;
    insert into bare.postings (id, seal, booked_at, value_date, lane, place, currency, narration, reference)
    values (p_id, place, now_at, now_at::date, 0, 0, payer.currency, p_narration, p_reference);
    insert into bare.entries (account_id, posting_id, sequence, minor, balance_after, booked_at, lane, line, credit)
    values (p_payer, p_id, payer.sequence + 1, p_minor, payer.posted - p_minor, now_at, 0, 0, false),
           (p_payee, p_id, payee.sequence + 1, p_minor, payee.posted + p_minor, now_at, 0, 1, true);
    insert into bare.transactions (id, from_account, to_account, client_id, amount, created_at, posted_at, currency,
        receipt, type, status, channel, reference)
    values (p_id, p_payer, p_payee, p_client, p_minor, now_at, now_at, payer.currency,
        receipt, 'posting', 'completed', 'api', p_reference);
    insert into bare.idempotency_keys (digest, created_at, body, code, result)
    values (p_digest, now_at, p_body, '', json_build_object('p', p_id, 'r', receipt, 'at', now_at,
        'a', array[p_payer, p_payee], 'm', array[payer.posted - p_minor, payee.posted + p_minor]));
    return receipt;
end
$$;`

var (
	bareOpen = sql.Query{Name: "bare.open", Text: `insert into bare.accounts select id, $2 from unnest($1::uuid[]) id`}
	// bareCopy gives the accounts the rows that Nova has of them.
	bareCopy  = sql.Query{Name: "bare.copy", Text: `insert into bare.balances select * from balances where account_id = any($1::uuid[])`}
	bareCall  = sql.Query{Name: "bare.transfer", Text: `select bare.transfer($1, $2, $3, $4)`}
	bareRows  = sql.Query{Name: "bare.post", Text: `select bare.post($1, $2, $3, $4, $5, $6, $7, $8, $9)`}
	bareGroup = sql.Query{Name: "bare.transfers", Text: `select bare.transfers($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[])`}
	bareSums  = sql.Query{Name: "bare.sums", Text: `
		select (select count(*) from bare.transfers) as transfers, (select count(*) from bare.postings) as postings,
		       (select sum(balance) from bare.accounts)::bigint as simple, (select sum(posted) from bare.balances)::bigint as posted,
		       (select count(*) = 2 * (select count(*) from bare.transfers) and coalesce(sum(minor), 0) = 0 from bare.lines)
		       and (select count(*) = 2 * (select count(*) from bare.postings)
		           and coalesce(sum(case when credit then minor else -minor end), 0) = 0 from bare.entries) as balanced`}
)

// Where the bare server takes postings.
const (
	barePathCall = "/call"
	barePathRows = "/rows"
)

// bareConnections is as many as Nova's own pool has. With more, each call takes PostgreSQL longer, on one hot account by
// half.
const bareConnections = 16

// serveBareBank starts the ceilings of postings over HTTP.
func (s *stage) serveBareBank(ctx context.Context) (*measuredServer, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return s.child(ctx, "bare-bank.log", addr, []string{"bench", "bare-bank", "--addr", addr}, nil)
}

func benchBareBankCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:    "bare-bank",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return serveBareBank(cmd.Context(), addr) },
	}
	cmd.Flags().StringVar(&addr, "addr", "", "where to listen")
	return cmd
}

func serveBareBank(ctx context.Context, addr string) error {
	growHeap() // as the server does that it is compared with
	db, err := sql.Open(ctx, os.Getenv(databaseVariable), sql.Options{MaxOpen: bareConnections, Prepared: true})
	if err != nil {
		return err
	}
	if err := db.Prepare(ctx, bareCall, bareRows); err != nil {
		return err
	}
	client := ids.New(clock.System{}.Now())
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Post(barePathCall, answerBare(db, bareCall, func(o *bareOrder, _ *fiber.Ctx) []any {
		return []any{o.id, o.payer, o.payee, o.minor}
	}))
	app.Post(barePathRows, answerBare(db, bareRows, func(o *bareOrder, c *fiber.Ctx) []any {
		key := ledger.Key{Scope: client.String(), Operation: barePathRows, Value: c.Get("Idempotency-Key")}.Digest()
		sum := sha256.Sum256(c.Body())
		return []any{o.id, o.payer, o.payee, o.minor, o.Narration, o.Reference, client, key[:], sum[:]}
	}))
	return app.Listen(addr)
}

// bareOrder is a posting of two entries as it is sent.
type bareOrder struct {
	Entries              []rest.EntryInput
	Narration, Reference string

	id, payer, payee uuid.UUID
	minor            int64
}

// answerBare parses a request, makes one call of the database, and says what came of it.
func answerBare(db *sql.DB, q sql.Query, args func(*bareOrder, *fiber.Ctx) []any) fiber.Handler {
	return func(c *fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(context.Background(), runTime)
		defer cancel()
		var o bareOrder
		if err := o.parse(c.Body()); err != nil {
			return err
		}
		var receipt *string
		if err := db.Get(ctx, &receipt, q, args(&o, c)...); err != nil {
			return err
		}
		if receipt == nil {
			return errNoFunds
		}
		return c.JSON(map[string]string{"posting_id": ids.Format(ids.Posting, o.id), "receipt_number": *receipt})
	}
}

func (o *bareOrder) parse(body []byte) error {
	if err := json.Unmarshal(body, o); err != nil {
		return err
	}
	if len(o.Entries) != 2 {
		return fault.New(fault.ValidationError, "%d entries", len(o.Entries))
	}
	for _, e := range o.Entries {
		account, err := ids.Parse(ids.Account, e.AccountID)
		if err != nil {
			return err
		}
		amount, err := money.Parse(e.Amount.Amount, money.Currency(e.Amount.Currency))
		if err != nil {
			return err
		}
		o.minor = amount.Minor
		if e.Direction == ledger.Debit.String() {
			o.payer = account
		} else {
			o.payee = account
		}
	}
	o.id = ids.New(clock.System{}.Now())
	return nil
}

// bareGroups makes bare transfers in groups.
type bareGroups struct {
	db       *sql.DB
	accounts []uuid.UUID
}

// openBareBank makes the tables of all ceilings, with the same accounts and money as Nova has.
func openBareBank(ctx context.Context, s *stage, accounts []uuid.UUID) (*bareGroups, error) {
	db, err := sql.Open(ctx, s.private.databaseURL, sql.Options{MaxOpen: groupWriters, Prepared: true})
	if err != nil {
		return nil, err
	}
	s.leaves = append(s.leaves, db.Close)
	if err := db.ExecText(ctx, bareBankSchema); err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, bareOpen, sql.UUIDs(accounts), bankStart); err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, bareCopy, sql.UUIDs(accounts)); err != nil {
		return nil, err
	}
	return &bareGroups{db: db, accounts: accounts}, db.Prepare(ctx, bareGroup)
}

// slice is the groups' turn.
func (g *bareGroups) slice(ctx context.Context, long time.Duration) (measured, error) {
	m, err := repeat(ctx, groupWriters, long, g.write)
	m.done *= transfersAGroup
	return m, err
}

// write is one group.
func (g *bareGroups) write(ctx context.Context) error {
	columns := make(sql.Columns, 4)
	for range transfersAGroup {
		from, to := twoAccounts(false)
		columns[0].UUID(ids.New(clock.System{}.Now()))
		columns[1].UUID(g.accounts[from])
		columns[2].UUID(g.accounts[to])
		columns[3].Int(postingMinor)
	}
	var done int64
	return g.db.Get(ctx, &done, bareGroup, columns.Args()...)
}

// check proves the bare books, and that they hold what was answered.
func (g *bareGroups) check(ctx context.Context, transfers, postings int) error {
	var s struct {
		Transfers, Postings int
		Simple, Posted      int64
		Balanced            bool
	}
	if err := g.db.Get(ctx, &s, bareSums); err != nil {
		return err
	}
	whole := int64(len(g.accounts)) * bankStart
	if s.Transfers != transfers || s.Postings != postings || s.Simple != whole || s.Posted != whole || !s.Balanced {
		return fmt.Errorf("the bare books hold %+v after %d transfers and %d postings", s, transfers, postings)
	}
	return nil
}
