package payments_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
	"nova/sql"
)

func staff() approvals.Actor {
	return approvals.Actor{Kind: string(identity.Staff), ID: ids.New(noon)}
}

func operations() approvals.Checker {
	return approvals.Checker{Actor: staff(), Purposes: []string{string(policy.OperationsReverse)}}
}

// claim is a staff member's, against what an errand did.
func (w *world) claim(txn uuid.UUID) payments.Claim {
	by := staff()
	return payments.Claim{
		Key: w.key("stf:" + by.ID.String()), By: by, Transaction: txn, Reason: payments.WrongRecipient,
		Note: "called at noon", Channel: transactions.Console,
	}
}

func (w *world) ask(txn uuid.UUID) payments.Claimed {
	w.t.Helper()
	c, err := w.payments.AskReversal(w.t.Context(), w.claim(txn))
	require.NoError(w.t, err)
	return c
}

func (w *world) approve(approval uuid.UUID) error {
	_, err := w.approvals.Decide(w.t.Context(), approval, operations(), approvals.Approved, "")
	return err
}

func (w *world) reject(approval uuid.UUID) {
	w.t.Helper()
	_, err := w.approvals.Decide(w.t.Context(), approval, operations(), approvals.Rejected, "no")
	require.NoError(w.t, err)
}

// reverse takes a transaction back, and returns what did it.
func (w *world) reverse(txn uuid.UUID) transactions.Transaction {
	w.t.Helper()
	require.NoError(w.t, w.approve(w.ask(txn).Approval))
	return w.fact(w.fact(txn).ReversedBy)
}

func (w *world) fact(txn uuid.UUID) transactions.Transaction {
	w.t.Helper()
	t, err := w.transactions.ByID(w.t.Context(), txn)
	require.NoError(w.t, err)
	return t
}

func (w *world) sent() uuid.UUID {
	w.t.Helper()
	r, err := w.payments.Send(w.t.Context(), w.send())
	require.NoError(w.t, err)
	return r.Transaction
}

func (w *world) cashedIn(minor int64) uuid.UUID {
	w.t.Helper()
	r, err := w.payments.CashIn(w.t.Context(), w.cashIn(minor))
	require.NoError(w.t, err)
	return r.Transaction
}

func (w *world) cashedOut(minor, fee int64) uuid.UUID {
	w.t.Helper()
	r, err := w.payments.CashOutAtAgent(w.t.Context(), payments.CashOutOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, fee), From: w.marcia.ID, Agent: w.clerk.Agent.ID, Amount: bbd(minor),
	})
	require.NoError(w.t, err)
	return r.Transaction
}

func (w *world) paid(minor int64) uuid.UUID {
	w.t.Helper()
	r, err := w.payments.Pay(w.t.Context(), payments.PayOrder{
		Order: w.order(w.marcia.Subject(), marciaPIN, 0), From: w.marcia.ID, Merchant: w.market.ID, Amount: bbd(minor),
	})
	require.NoError(w.t, err)
	return r.Transaction
}

// spend lets Andre pay so much at the market.
func (w *world) spend(minor int64) {
	w.t.Helper()
	_, err := w.payments.Pay(w.t.Context(), payments.PayOrder{
		Order: w.order(w.andre.Subject(), andrePIN, 0), From: w.andre.ID, Merchant: w.market.ID, Amount: bbd(minor),
	})
	require.NoError(w.t, err)
}

func TestAReversalTakesEverythingBackToTheCent(t *testing.T) {
	rows := []struct {
		name string
		do   func(w *world) uuid.UUID
	}{
		{"a transfer", (*world).sent},
		{"a cash-in", func(w *world) uuid.UUID { return w.cashedIn(100_00) }},
		{"a cash-out", func(w *world) uuid.UUID { return w.cashedOut(150_00, 1_50) }},
		{"a payment", func(w *world) uuid.UUID { return w.paid(30_00) }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t)
			before := w.balances()
			original := w.fact(row.do(w))
			back := w.reverse(original.ID)
			w.moved(before, map[string]int64{})
			require.Zero(t, w.held(original.To.Account))

			require.Equal(t, transactions.Transaction{
				ID: back.ID, Receipt: back.Receipt, Type: transactions.Reversal, Status: transactions.Completed,
				Amount: original.Amount, Fee: original.Fee, Tax: original.Tax, Commission: original.Commission,
				From: original.To, To: original.From, Channel: transactions.Console, Agent: original.Agent,
				Outlet: original.Outlet, Reverses: original.ID, Tier: transactions.TierUnknown,
				CreatedAt: noon, PostedAt: noon,
			}, back)
			require.NotEqual(t, original.Receipt, back.Receipt)
			after := w.fact(original.ID)
			require.Equal(t, transactions.Reversed, after.Status)
			require.Equal(t, back.ID, after.ReversedBy)
			posting, err := w.ledger.Posting(t.Context(), back.ID)
			require.NoError(t, err)
			require.Equal(t, original.ID, posting.Reverses)
			require.Equal(t, original.Receipt, posting.Reference)
		})
	}
}

func TestWhatIsClaimedIsHeldAtOnce(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	claim := w.claim(txn)
	c, err := w.payments.AskReversal(t.Context(), claim)
	require.NoError(t, err)
	require.Equal(t, payments.Claimed{
		Approval: c.Approval, Transaction: txn, Amount: bbd(50_00), Held: bbd(50_00), Missing: bbd(0),
		ExpiresAt: noon.Add(payments.ClaimLife),
	}, c)
	require.Equal(t, int64(50_00), w.held(w.andre.Wallet))
	require.Equal(t, int64(50_00), w.posted(w.andre.Wallet), "nothing has moved yet")
	_, err = w.payments.QuotePay(t.Context(), w.andre.ID, "500001", ask(1))
	refused(t, err, fault.InsufficientFunds)

	again, err := w.payments.AskReversal(t.Context(), claim)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	again.Replayed = false
	require.Equal(t, c, again, "a replay is the first answer")
	_, err = w.payments.AskReversal(t.Context(), w.claim(txn))
	refused(t, err, fault.DuplicateEntity)
	claim.Reason = payments.Fraud
	_, err = w.payments.AskReversal(t.Context(), claim)
	refused(t, err, fault.IdempotencyConflict)
	require.Equal(t, int64(50_00), w.held(w.andre.Wallet))
}

func TestARejectedClaimAndAnOldOneGiveTheHoldBack(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	w.reject(w.ask(txn).Approval)
	require.Zero(t, w.held(w.andre.Wallet))
	w.ask(txn)
	require.Equal(t, int64(50_00), w.held(w.andre.Wallet))
	w.clock.Advance(payments.ClaimLife)
	ended, err := w.approvals.Expire(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.Zero(t, w.held(w.andre.Wallet))

	// The other way round: the ledger's worker ends the hold, then the claim ends.
	w.ask(txn)
	w.clock.Advance(payments.ClaimLife)
	ended, err = ledger.NewWorkers(w.db, w.writer, w.clock).ExpireHolds(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	ended, err = w.approvals.Expire(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.Zero(t, w.held(w.andre.Wallet))
	require.Equal(t, transactions.Completed, w.fact(txn).Status)
	w.reverse(txn)
}

func TestWhatTheRecipientHasSpentIsNotReversed(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	w.spend(20_00)
	c := w.ask(txn)
	require.Equal(t, bbd(30_00), c.Held)
	require.Equal(t, bbd(20_00), c.Missing)
	before := w.balances()
	f := refused(t, w.approve(c.Approval), fault.InsufficientFunds)
	require.Equal(t, "20.00", f.Extra["missing"])
	w.moved(before, map[string]int64{})
	require.Equal(t, int64(30_00), w.held(w.andre.Wallet), "what there is stays held")
	require.Equal(t, transactions.Completed, w.fact(txn).Status)

	// Money that comes in meanwhile may cover it, and is as good as what is held.
	w.deposit(w.andre.Wallet, 19_99)
	f = refused(t, w.approve(c.Approval), fault.InsufficientFunds)
	require.Equal(t, "0.01", f.Extra["missing"])
	w.deposit(w.andre.Wallet, 5_00)
	require.NoError(t, w.approve(c.Approval))
	require.Equal(t, int64(4_99), w.posted(w.andre.Wallet))
	require.Zero(t, w.held(w.andre.Wallet))
}

func TestNothingLeftIsClaimedWithoutAHold(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	w.spend(50_00)
	c := w.ask(txn)
	require.Equal(t, bbd(0), c.Held)
	require.Equal(t, bbd(50_00), c.Missing)
	refused(t, w.approve(c.Approval), fault.InsufficientFunds)
	w.reject(c.Approval)
}

func TestWhatIsNotReversed(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	back := w.reverse(txn)
	rows := []struct {
		name string
		txn  uuid.UUID
		code fault.Code
	}{
		{"twice", txn, fault.AlreadyReversed},
		{"a reversal", back.ID, fault.InvalidState},
		{"nothing", ids.New(noon), fault.NotFound},
	}
	for _, row := range rows {
		_, err := w.payments.AskReversal(t.Context(), w.claim(row.txn))
		require.True(t, fault.Is(err, row.code), "%s: %v", row.name, err)
	}
	for _, status := range []transactions.Status{transactions.PendingApproval, transactions.Failed} {
		fact := transactions.Transaction{
			ID: ids.New(noon), Receipt: string(status), Type: transactions.CashOut, Status: status, Amount: bbd(1),
			Fee: bbd(0), Tax: bbd(0), Commission: bbd(0), Channel: transactions.USSD, CreatedAt: noon,
		}
		w.insert(fact)
		_, err := w.payments.AskReversal(t.Context(), w.claim(fact.ID))
		refused(t, err, fault.InvalidState)
	}
}

func TestAClaimThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	txn := w.sent()
	c := w.claim(txn)
	c.Reason = "because"
	_, err := w.payments.AskReversal(t.Context(), c)
	require.Contains(t, refused(t, err, fault.ValidationError).Fields, "reason_code")
	c = w.claim(txn)
	c.Note = string(make([]byte, 501))
	_, err = w.payments.AskReversal(t.Context(), c)
	require.Contains(t, refused(t, err, fault.ValidationError).Fields, "note")
	c = w.claim(txn)
	c.By.Kind = string(identity.Customer)
	_, err = w.payments.AskReversal(t.Context(), c)
	refused(t, err, fault.CodeForbidden)
	require.Zero(t, w.held(w.andre.Wallet))
}

// colleague is a second person at the clerk's outlet.
func (w *world) colleague() agents.Operator {
	w.t.Helper()
	o, err := w.agents.CreateOperator(w.t.Context(), agents.NewOperator{
		Outlet: w.clerk.Outlet.ID, MSISDN: number(w.t, "12462500013"), Name: "Bathsheba", Role: agents.Cashier,
		Language: "fr", PIN: secret.New(clerkPIN),
	})
	require.NoError(w.t, err)
	return o
}

func (w *world) operatorClaim(txn uuid.UUID, o agents.Operator) payments.Claim {
	c := w.claim(txn)
	c.By = approvals.Actor{Kind: string(identity.Operator), ID: o.ID}
	c.Key, c.Channel = w.key(o.Scope()), transactions.AgentApp
	return c
}

func TestAnOutletReversesItsOwnMistakeWithinTheHour(t *testing.T) {
	w := newWorld(t)
	friend := w.colleague()
	outlet := approvals.Checker{
		Actor:    approvals.Actor{Kind: string(identity.Operator), ID: friend.ID},
		Purposes: []string{string(policy.AgentTransact)}, Audiences: []uuid.UUID{w.clerk.Outlet.ID},
	}
	decide := func(txn uuid.UUID) error {
		c, err := w.payments.AskReversal(t.Context(), w.operatorClaim(txn, w.clerk))
		require.NoError(t, err)
		_, err = w.approvals.Decide(t.Context(), c.Approval, outlet, approvals.Approved, "")
		return err
	}
	txn := w.cashedIn(100_00)
	w.clock.Advance(payments.OutletWindow)
	require.NoError(t, decide(txn))
	late := w.cashedIn(100_00)
	w.clock.Advance(payments.OutletWindow + time.Second)
	refused(t, decide(late), fault.CodeForbidden) // it waits for operations
}

func TestAnOutletOfOneWaitsForOperations(t *testing.T) {
	w := newWorld(t)
	c, err := w.payments.AskReversal(t.Context(), w.operatorClaim(w.cashedIn(100_00), w.clerk))
	require.NoError(t, err)
	require.NoError(t, w.approve(c.Approval))
}

func TestWhatAnOperatorMayNotClaim(t *testing.T) {
	w := newWorld(t)
	_, err := w.payments.AskReversal(t.Context(), w.operatorClaim(w.cashedOut(100_00, 1_00), w.clerk))
	refused(t, err, fault.CodeForbidden)
	_, err = w.payments.AskReversal(t.Context(), w.operatorClaim(w.sent(), w.clerk))
	refused(t, err, fault.NotFound)
	_, err = w.payments.AskAdjustment(t.Context(), w.operatorClaim(w.cashedIn(100_00), w.clerk), bbd(1_00))
	refused(t, err, fault.CodeForbidden)
	require.Zero(t, w.held(w.andre.Wallet))
}

func TestNobodyDecidesTheirOwnClaim(t *testing.T) {
	w := newWorld(t)
	claim := w.claim(w.sent())
	c, err := w.payments.AskReversal(t.Context(), claim)
	require.NoError(t, err)
	checker := operations()
	checker.Actor = claim.By
	_, err = w.approvals.Decide(t.Context(), c.Approval, checker, approvals.Approved, "")
	refused(t, err, fault.MakerCheckerViolation)
}

func TestCommissionThatWasPaidOutIsOwed(t *testing.T) {
	w := newWorld(t)
	txn := w.cashedIn(100_00)
	w.pay(w.clerk.Agent.Commission, w.books.OperatorBank, 30)
	before := w.balances()
	w.reverse(txn)
	w.moved(before, map[string]int64{"float": 100_00, "andre": -100_00, "commission": -20, "expense": -50})
	require.Equal(t, int64(30), w.owed())

	// What is owed already stays, and the next one is owed whole.
	txn = w.cashedIn(200_00)
	w.pay(w.clerk.Agent.Commission, w.books.OperatorBank, 1_00)
	w.reverse(txn)
	require.Equal(t, int64(1_30), w.owed())
	require.Zero(t, w.posted(w.clerk.Agent.Commission))
}

// owed is what the agent owes.
func (w *world) owed() int64 {
	w.t.Helper()
	account, found := w.receivable()
	require.True(w.t, found)
	return w.posted(account)
}

// receivable is the account of what the agent owes; false before it was needed.
func (w *world) receivable() (uuid.UUID, bool) {
	w.t.Helper()
	a, err := w.ledger.AccountOf(w.t.Context(), ledger.Owned{
		OwnerKind: agents.AgentOwnerKind, OwnerID: w.clerk.Agent.ID.String(), Product: ledger.AgentReceivable, Currency: "BBD",
	})
	if fault.Is(err, fault.NotFound) {
		return uuid.Nil, false
	}
	require.NoError(w.t, err)
	return a.ID, true
}

func TestWhoIsToldOfAReversal(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.customers.SetLanguage(t.Context(), w.andre.ID, "fr"))
	txn := w.fact(w.sent())
	back := w.reverse(txn.ID)
	payer, payee := w.notices(w.marcia.MSISDN), w.notices(w.andre.MSISDN)
	require.Equal(t, "sms.reversal.payer", payer[0].Template)
	require.JSONEq(t, `{"amount":"50.00","currency":"BBD","fee":"1.00","payee":"Andre C.","ref":"`+txn.Receipt+`",
		"balance":"200.00","receipt":"`+back.Receipt+`","time":"12:00","date":"18/11/2026"}`, payer[0].Args)
	require.Equal(t, "sms.reversal.payee", payee[0].Template)
	require.JSONEq(t, `{"amount":"50.00","currency":"BBD","payer":"Marcia C.","ref":"`+txn.Receipt+`",
		"balance":"0.00","receipt":"`+back.Receipt+`","time":"12:00","date":"18/11/2026"}`, payee[0].Args)
	require.Empty(t, w.notices(w.clerk.MSISDN))

	w.reverse(w.cashedIn(100_00))
	told := w.notices(w.clerk.MSISDN)
	require.Equal(t, "sms.reversal.operator", told[len(told)-1].Template)
	require.Contains(t, told[len(told)-1].Args, `"balance":"5,000.00","commission":"0.50"`)

	// The customer had named just the agent: those who work there are told.
	friend := w.colleague()
	w.reverse(w.cashedOut(100_00, 1_00))
	require.Equal(t, []string{"sms.cashout.operator", "sms.reversal.operator"}, w.templates(friend.MSISDN))
}

func TestOnceOnlyUnderRaces(t *testing.T) {
	const many = 12
	w := newWorld(t)
	txn := w.sent()
	before := w.balances()
	first := w.ask(txn)
	var done atomic.Int64
	var running sync.WaitGroup
	for range many {
		running.Go(func() {
			if err := w.approve(first.Approval); err == nil {
				done.Add(1)
			} else if !fault.Is(err, fault.InvalidState) {
				t.Errorf("a loser's answer is %v", err)
			}
		})
	}
	running.Wait()
	require.Equal(t, int64(1), done.Load())
	w.moved(before, map[string]int64{"marcia": 51_00, "andre": -50_00, "income": -82, "tax": -18})
	_, err := w.payments.AskReversal(t.Context(), w.claim(txn))
	refused(t, err, fault.AlreadyReversed)
}

// pay moves money without an errand.
func (w *world) pay(from, to uuid.UUID, minor int64) {
	w.t.Helper()
	key := ledger.Key{Scope: "house:nova", Operation: "pay", Value: uuid.NewString()}
	_, err := w.writer.Submit(w.t.Context(), &ledger.Command{
		Key: key, Body: key.Digest(), Currency: "BBD", Posting: ids.New(w.clock.Now()),
		Lines: []ledger.Line{
			{Account: from, Side: ledger.Debit, Minor: minor}, {Account: to, Side: ledger.Credit, Minor: minor},
		},
	})
	require.NoError(w.t, err)
}

// insert writes a transaction that moved nothing.
func (w *world) insert(fact transactions.Transaction) {
	w.t.Helper()
	require.NoError(w.t, w.db.InTx(w.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return transactions.InsertIn(ctx, tx, []transactions.Transaction{fact})
	}))
}

// However a claim and the recipient's spending fall together, what is held was not spent, and what was spent is missing.
func TestAClaimRacesTheRecipientsSpending(t *testing.T) {
	const rounds = 5
	w := newWorld(t)
	for range rounds {
		txn := w.sent()
		claim := w.claim(txn)
		spend := make([]payments.PayOrder, 2)
		for i := range spend {
			spend[i] = payments.PayOrder{
				Order: w.order(w.andre.Subject(), andrePIN, 0), From: w.andre.ID, Merchant: w.market.ID, Amount: bbd(20_00),
			}
		}
		var spent atomic.Int64
		var running sync.WaitGroup
		for _, o := range spend {
			running.Go(func() {
				if _, err := w.payments.Pay(t.Context(), o); err == nil {
					spent.Add(20_00)
				} else if !fault.Is(err, fault.InsufficientFunds) {
					t.Errorf("spend: %v", err)
				}
			})
		}
		c, err := w.payments.AskReversal(t.Context(), claim)
		running.Wait()
		require.NoError(t, err)
		require.Equal(t, c.Held.Minor, w.held(w.andre.Wallet))
		require.GreaterOrEqual(t, int64(50_00)-spent.Load(), c.Held.Minor)
		require.Equal(t, int64(50_00), c.Held.Minor+c.Missing.Minor)
		w.reject(c.Approval)
		w.empties(w.andre.Wallet)
		w.deposit(w.marcia.Wallet, 51_00)
	}
}

// empties takes what is left on an account to the market.
func (w *world) empties(account uuid.UUID) {
	w.t.Helper()
	if left := w.posted(account); left > 0 {
		w.pay(account, w.market.Account, left)
	}
}
