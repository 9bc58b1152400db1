package rest

import (
	"context"

	"github.com/google/uuid"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/transactions"
)

// Party is one side of a transaction, with the name as it was shown.
type Party struct {
	WalletID string `json:"wallet_id,omitempty" example:"wal_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Name     string `json:"name,omitempty" example:"Marcia B."`
}

// Txn is a business fact.
type Txn struct {
	TxnID         string `json:"txn_id" example:"txn_01kat5m7q8e2r9v4c6x0z3n1bw"`
	ReceiptNumber string `json:"receipt_number" doc:"The number that people read on their receipt" example:"7K3M9Q"`
	Type          string `json:"type" enum:"cashin,cashout,p2p,p2p_assist,merchant_payment,float_topup,float_redeem,commission_payout,savings_deposit,savings_withdrawal,overdraft_draw,overdraft_repay,interest,reversal,adjustment,posting" example:"p2p"`
	Status        string `json:"status" enum:"pending_approval,completed,failed,reversed" example:"completed"`
	Amount        Amount `json:"amount"`
	Fee           Amount `json:"fee"`
	Tax           Amount `json:"tax" doc:"Inside the fee"`
	Commission    Amount `json:"commission"`
	TotalDebited  Amount `json:"total_debited" doc:"Amount and fee"`
	From          Party  `json:"from"`
	To            Party  `json:"to"`
	Channel       string `json:"channel" enum:"ussd,app,agent_app,api,console" example:"ussd"`
	Reference     string `json:"reference,omitempty" doc:"The client's own"`
	Reverses      string `json:"reverses,omitempty" doc:"The transaction that this one undoes"`
	ReversedBy    string `json:"reversed_by,omitempty" doc:"The transaction that undid this one"`
	CreatedAt     Time   `json:"created_at"`
	PostedAt      *Time  `json:"posted_at,omitempty" doc:"When the money moved"`
}

func txnOf(t transactions.Transaction) (Txn, error) {
	total, err := t.TotalDebited()
	if err != nil {
		return Txn{}, err
	}
	return Txn{
		TxnID: ids.Format(ids.Transaction, t.ID), ReceiptNumber: t.Receipt, Type: string(t.Type), Status: string(t.Status),
		Amount: amountOf(t.Amount), Fee: amountOf(t.Fee), Tax: amountOf(t.Tax), Commission: amountOf(t.Commission),
		TotalDebited: amountOf(total), From: partyOf(t.From), To: partyOf(t.To), Channel: string(t.Channel),
		Reference: t.Reference, Reverses: idOrNone(ids.Transaction, t.Reverses),
		ReversedBy: idOrNone(ids.Transaction, t.ReversedBy), CreatedAt: Time(t.CreatedAt), PostedAt: timeOrNone(t.PostedAt),
	}, nil
}

func partyOf(p transactions.Party) Party {
	return Party{WalletID: idOrNone(ids.Wallet, p.Account), Name: p.Name}
}

type txnInput struct {
	TxnID string `path:"txn_id" doc:"Id of the transaction" example:"txn_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

type txnOutput struct{ Body Txn }

// txn answers GET /v1/txns/{txn_id}.
func (a *api) txn(ctx context.Context, in *txnInput) (*txnOutput, error) {
	id, err := ids.Parse(ids.Transaction, in.TxnID)
	if err != nil {
		return nil, malformed("txn_id", err)
	}
	found, err := a.Transactions.ByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if found.Client != uuid.Nil && !isClient(ctx, bank.Opener(found.Client)) {
		return nil, fault.New(fault.NotFound, "transaction %s is another client's", id)
	}
	if err := a.mayHave(ctx, transactionResource(ctx, found)); err != nil {
		return nil, err
	}
	body, err := txnOf(found)
	return &txnOutput{Body: body}, err
}

// malformed says which parameter is no id of its kind.
func malformed(parameter string, err error) error {
	return fault.From(err).Field(parameter, "is not an id of this kind")
}
