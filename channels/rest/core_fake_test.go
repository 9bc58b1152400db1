package rest_test

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/approvals"
	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ledger"
	"nova/core/money"
)

// What the core bank of the golden files knows.
var (
	annsWallet  = uuid.MustParse("01900000-0000-7000-8000-00000000b001")
	bensWallet  = uuid.MustParse("01900000-0000-7000-8000-00000000b002")
	aPosting    = uuid.MustParse("01900000-0000-7000-8000-00000000b003")
	aHold       = uuid.MustParse("01900000-0000-7000-8000-00000000b004")
	otherClient = uuid.MustParse("01900000-0000-7000-8000-00000000c002")
)

// fakeBank words answers; what it decides is decided in core/bank, whose own tests say so, and core_test.go walks
// the real one. The keys that it has seen are answered again.
type fakeBank struct{ seen map[string]bool }

func newFakeBank() *fakeBank { return &fakeBank{seen: map[string]bool{}} }

func (b *fakeBank) again(o bank.Order) bool {
	replayed := b.seen[o.Key.Value]
	b.seen[o.Key.Value] = true
	return replayed
}

func unknown(id uuid.UUID, field string) error {
	return fault.New(fault.NotFound, "no %s", id).Field(field, "is not known")
}

func (b *fakeBank) Open(_ context.Context, client uuid.UUID, n bank.NewAccount) (bank.Account, error) {
	return bank.Account{Account: ledger.Account{
		ID: annsWallet, OwnerKind: n.OwnerType, OwnerID: n.OwnerID, Product: n.Product, Currency: n.Currency,
		Status: ledger.Active, Name: n.Name, OpenedBy: bank.Opener(client), Metadata: n.Metadata, OpenedAt: now,
	}}, nil
}

func (b *fakeBank) Account(ctx context.Context, client, id uuid.UUID) (bank.Account, error) {
	if id != annsWallet {
		return bank.Account{}, unknown(id, "account_id")
	}
	a, err := b.Open(ctx, client, bank.NewAccount{
		OwnerType: "customer", OwnerID: "c-1041", Product: ledger.Wallet, Currency: money.BBD, Name: "Ann",
	})
	a.Overdraft = &ledger.OverdraftLine{Limit: 100_00, FeeBPS: 200, Until: now.Add(24 * time.Hour)}
	return a, err
}

func (b *fakeBank) Balance(ctx context.Context, client, id uuid.UUID, at time.Time) (ledger.Balance, error) {
	_, err := b.Account(ctx, client, id)
	balance := ledger.Balance{Posted: 100_00, Held: 40_00, Available: 60_00, Currency: money.BBD, Sequence: 3}
	if at.IsZero() {
		balance.Overdraft = 98_00
	}
	return balance, err
}

func (b *fakeBank) SetStatus(ctx context.Context, client, id uuid.UUID, to ledger.Status) (bank.Account, error) {
	a, err := b.Account(ctx, client, id)
	if err == nil && to == ledger.Closed {
		err = fault.New(fault.InvalidState, "money").Field("status", "cannot be closed while the account has money or holds")
	}
	a.Status = to
	return a, err
}

func (b *fakeBank) Grant(_ context.Context, _ string, _, client uuid.UUID) error {
	if client != otherClient {
		return unknown(client, "client_id")
	}
	return nil
}

func (b *fakeBank) Revoke(context.Context, string, uuid.UUID, uuid.UUID) error { return nil }

func (b *fakeBank) Post(_ context.Context, o bank.Order, n bank.NewPosting) (bank.Posted, error) {
	p := bank.Posted{Receipt: "7K3M9Q", Mine: map[uuid.UUID]bool{}, Posting: ledger.Posting{
		ID: aPosting, Lane: 1, Seal: 4711, BookedAt: now, ValueDate: "2026-11-21", Currency: n.Entries[0].Amount.Currency,
		Narration: n.Narration, Reference: n.Reference, Metadata: n.Metadata, Hash: ledger.Hash{0x9f, 0x86},
	}}
	for i, e := range n.Entries {
		if e.Account != annsWallet && e.Account != bensWallet {
			return p, unknown(e.Account, "entries[1].account_id")
		}
		p.Mine[e.Account] = true
		p.Entries = append(p.Entries, ledger.Entry{
			Account: e.Account, Side: e.Side, Minor: e.Amount.Minor, BalanceAfter: int64(70_00 - 40_00*i),
		})
	}
	p.Replayed = b.again(o)
	return p, nil
}

func (b *fakeBank) posted(ctx context.Context) bank.Posted {
	p, _ := b.Post(ctx, bank.Order{}, bank.NewPosting{Narration: "invoice 1041", Reference: "inv-1041", Entries: []bank.Entry{
		{Account: annsWallet, Side: ledger.Debit, Amount: money.Of(30_00, money.BBD)},
		{Account: bensWallet, Side: ledger.Credit, Amount: money.Of(30_00, money.BBD)},
	}}) // both accounts are known
	p.Replayed = false
	return p
}

func (b *fakeBank) Reverse(ctx context.Context, o bank.Order, n bank.NewReversal) (bank.Posted, error) {
	if n.Posting != aPosting {
		return bank.Posted{}, unknown(n.Posting, "posting_id")
	}
	if o.Key.Value == "twice" {
		return bank.Posted{Replayed: b.again(o)}, fault.New(fault.AlreadyReversed, "")
	}
	p := b.posted(ctx)
	p.ID, p.Reverses, p.Narration, p.Reference = nth(aPosting, 0x100), aPosting, n.Reason, n.Reference
	for i := range p.Entries {
		p.Entries[i].Side = ledger.Debit + ledger.Credit - p.Entries[i].Side
	}
	p.Replayed = b.again(o)
	return p, nil
}

func (b *fakeBank) Posting(ctx context.Context, _, id uuid.UUID) (bank.Posted, error) {
	if id != aPosting {
		return bank.Posted{}, unknown(id, "posting_id")
	}
	p := b.posted(ctx)
	p.ReversedBy = nth(aPosting, 0x100)
	// What an overdraft line added is Nova's: its balance is not the client's to know.
	p.Entries = append(p.Entries, ledger.Entry{Account: fees, Side: ledger.Credit, Minor: 1_00, BalanceAfter: 99_00})
	return p, nil
}

func (b *fakeBank) PlaceHold(_ context.Context, o bank.Order, n bank.NewHold) (bank.Hold, error) {
	if n.Account != annsWallet {
		return bank.Hold{}, unknown(n.Account, "account_id")
	}
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(bank.HoldLife)
	}
	return bank.Hold{
		ID: aHold, Account: n.Account, Amount: n.Amount, Captured: money.Of(0, n.Amount.Currency), Status: ledger.HoldActive,
		Reason: n.Reason, CreatedAt: now, ExpiresAt: n.ExpiresAt, Replayed: b.again(o),
	}, nil
}

func (b *fakeBank) Hold(ctx context.Context, _, id uuid.UUID) (bank.Hold, error) {
	if id != aHold {
		return bank.Hold{}, unknown(id, "hold_id")
	}
	h, err := b.PlaceHold(ctx, bank.Order{}, bank.NewHold{Account: annsWallet, Amount: money.Of(40_00, money.BBD), Reason: "room 7"})
	h.Replayed = false
	return h, err
}

func (b *fakeBank) Capture(ctx context.Context, o bank.Order, n bank.NewCapture) (bank.Hold, error) {
	h, err := b.Hold(ctx, o.Client, n.Hold)
	if err != nil {
		return h, err
	}
	if n.Amount.Minor > h.Amount.Minor {
		return h, fault.New(fault.ValidationError, "over").Field("amount", "must be within the hold")
	}
	h.Status, h.Captured, h.Posting, h.Replayed = ledger.HoldCaptured, n.Amount, aPosting, b.again(o)
	return h, nil
}

func (b *fakeBank) Release(ctx context.Context, o bank.Order, id uuid.UUID) (bank.Hold, error) {
	h, err := b.Hold(ctx, o.Client, id)
	if err == nil {
		h.Status, h.Replayed = ledger.HoldReleased, b.again(o)
	}
	return h, err
}

func (b *fakeBank) CheckLimits(_ context.Context, _ uuid.UUID, q bank.Question) (bank.Verdict, error) {
	v := bank.Verdict{Decision: bank.Allow, Limits: []bank.Limit{
		{Rule: "out", Window: "daily", Max: 1_000_00, Used: 700_00}, {Rule: "out", Window: "daily", Counts: true, Max: 10, Used: 2},
	}}
	if q.Amount.Minor > 300_00 {
		v.Decision, v.Reason = bank.Challenge, fault.KYCRequired
	}
	return v, nil
}

func (b *fakeBank) Integrity(context.Context) (bank.Proof, error) {
	return bank.Proof{
		Report:    ledger.Report{Accounts: 120, Postings: 4711, Entries: 9611, Seals: 4630},
		StartedAt: now, EndedAt: now.Add(time.Second),
	}, nil
}

var anApproval = uuid.MustParse("01900000-0000-7000-8000-00000000b005")

// fakeApprovals has two that wait, and decides the first once.
type fakeApprovals struct{ decided approvals.Approval }

func (f *fakeApprovals) waiting() []approvals.Approval {
	one := approvals.Approval{
		ID: anApproval, MadeAt: now, Status: approvals.Pending, Proposal: approvals.Proposal{
			Kind: "reversal", Subject: "txn_01j0000000e008000000001r01", Summary: "reversal of 7K3M9Q", Purpose: "operations.reverse",
			Payload: `{"reason":"wrong number"}`, ExpiresAt: now.Add(24 * time.Hour), Maker: approvals.Actor{Kind: "operator", ID: andre},
		},
	}
	two := one
	two.ID, two.Subject = nth(anApproval, 1), "txn_01j0000000e008000000001r02"
	return []approvals.Approval{one, two}
}

func (f *fakeApprovals) Waiting(_ context.Context, _ approvals.Checker, filter approvals.Filter) ([]approvals.Approval, error) {
	all := f.waiting()
	if filter.After != uuid.Nil {
		all = all[1:]
	}
	return all[:min(len(all), filter.Most)], nil
}

func (f *fakeApprovals) ByID(_ context.Context, id uuid.UUID) (approvals.Approval, error) {
	if id != anApproval {
		return approvals.Approval{}, fault.New(fault.NotFound, "approval %s", id)
	}
	return f.waiting()[0], nil
}

func (f *fakeApprovals) Decide(ctx context.Context, id uuid.UUID, by approvals.Checker, v approvals.Verdict, note string) (
	approvals.Approval, error,
) {
	a, err := f.ByID(ctx, id)
	if err != nil {
		return a, err
	}
	if f.decided.ID == id {
		return a, fault.New(fault.InvalidState, "decided")
	}
	a.Status, a.Checker, a.DecidedAt, a.Note = v, by.Actor, now, note
	f.decided = a
	return a, nil
}
