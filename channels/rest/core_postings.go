package rest

import (
	"context"
	"encoding/hex"
	"fmt"

	"nova/core/bank"
	"nova/core/clock"
	"nova/core/ids"
	"nova/core/money"
)

type postInput struct {
	Idempotent
	Body struct {
		Entries   []EntryInput      `json:"entries" nullable:"false" minItems:"2" maxItems:"64" doc:"In one currency; debits equal credits, and no account is on both sides"`
		Narration string            `json:"narration" doc:"What it is about, as statements show it" example:"invoice 1041" minLength:"1" maxLength:"140"`
		Reference string            `json:"reference" doc:"The client's own, unique to it for ever" example:"inv-1041" minLength:"1" maxLength:"64"`
		ValueDate string            `json:"value_date,omitempty" doc:"Day in the books; the day of booking if left out" format:"date" example:"2026-11-21"`
		Metadata  map[string]string `json:"metadata,omitempty" doc:"At most 16 keys of up to 40 characters, values of up to 200" maxProperties:"16" example:"{\"invoice\":\"1041\"}"`
	}
}

// PostingEntry is one debit or credit of a posting.
type PostingEntry struct {
	AccountID string `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Direction string `json:"direction" enum:"debit,credit" example:"debit"`
	Amount    Amount `json:"amount"`
	// BalanceAfter is of the lane that booked the entry where the account has a balance in each.
	BalanceAfter *Amount `json:"balance_after,omitempty" doc:"Balance after the entry. Of an account that may go below zero it is the balance in the lane that booked the entry (the first part of sequence). Absent for an account that is not the client's"`
}

// Posting is a balanced set of entries as it stands in the books.
type Posting struct {
	PostingID     string            `json:"posting_id" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	ReceiptNumber string            `json:"receipt_number" doc:"What people read aloud, and what a proof of inclusion is asked for by" example:"7K3M9Q"`
	Entries       []PostingEntry    `json:"entries" doc:"As they were sent, and after them what an overdraft line added"`
	Narration     string            `json:"narration" example:"invoice 1041"`
	Reference     string            `json:"reference,omitempty" doc:"The client's own" example:"inv-1041"`
	ValueDate     string            `json:"value_date" format:"date" example:"2026-11-21"`
	Metadata      map[string]string `json:"metadata,omitempty" example:"{\"invoice\":\"1041\"}"`
	BookedAt      Time              `json:"booked_at"`
	Sequence      string            `json:"sequence" doc:"Where it was written: lane.seal.index" example:"1.4711.0"`
	Hash          string            `json:"hash" doc:"Leaf in the seal's Merkle tree, SHA-256 in hexadecimal" example:"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" pattern:"^[0-9a-f]{64}$"`
	Reverses      string            `json:"reverses,omitempty" doc:"The posting that this one undoes" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	ReversedBy    string            `json:"reversed_by,omitempty" doc:"The posting that undid this one" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
}

func postingOf(p bank.Posted) Posting {
	body := Posting{
		PostingID: ids.Format(ids.Posting, p.ID), ReceiptNumber: p.Receipt, Entries: make([]PostingEntry, len(p.Entries)),
		Narration: p.Narration, Reference: p.Reference, ValueDate: string(p.ValueDate), Metadata: p.Metadata,
		BookedAt: Time(p.BookedAt), Sequence: fmt.Sprintf("%d.%d.%d", p.Lane, p.Seal, p.Place),
		Hash: hex.EncodeToString(p.Hash[:]), Reverses: idOrNone(ids.Posting, p.Reverses),
		ReversedBy: idOrNone(ids.Posting, p.ReversedBy),
	}
	for i, e := range p.Entries {
		body.Entries[i] = PostingEntry{
			AccountID: ids.Format(ids.Account, e.Account), Direction: e.Side.String(),
			Amount: amountOf(money.Of(e.Minor, p.Currency)),
		}
		if p.Mine[e.Account] {
			after := amountOf(money.Of(e.BalanceAfter, p.Currency))
			body.Entries[i].BalanceAfter = &after
		}
	}
	return body
}

// postOutput is a posting that may be the first answer again.
type postOutput struct {
	Replay
	Body Posting
}

func posted(p bank.Posted, err error) (*postOutput, error) {
	replay, err := again(p.Replayed, err)
	if err != nil {
		return nil, err
	}
	return &postOutput{Replay: replay, Body: postingOf(p)}, nil
}

// post answers POST /v1/core/postings.
func (a *api) post(ctx context.Context, in *postInput) (*postOutput, error) {
	order, err := a.order(ctx, &in.Idempotent)
	if err != nil {
		return nil, err
	}
	n := bank.NewPosting{Narration: in.Body.Narration, Reference: in.Body.Reference, Metadata: in.Body.Metadata}
	if n.Entries, err = entries(in.Body.Entries); err != nil {
		return nil, err
	}
	if in.Body.ValueDate != "" {
		if n.ValueDate, err = clock.ParseDay(in.Body.ValueDate); err != nil {
			return nil, malformed("value_date", err)
		}
	}
	return posted(a.Bank.Post(ctx, order, n))
}

// PostingInput is what every operation on a posting takes.
type PostingInput struct {
	PostingID string `path:"posting_id" doc:"Id of the posting" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

type postingInput struct{ PostingInput }

type postingOutput struct{ Body Posting }

// posting answers GET /v1/core/postings/{posting_id}.
func (a *api) posting(ctx context.Context, in *postingInput) (*postingOutput, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.Parse(ids.Posting, in.PostingID)
	if err != nil {
		return nil, malformed("posting_id", err)
	}
	p, err := a.Bank.Posting(ctx, client, id)
	if err != nil {
		return nil, err
	}
	return &postingOutput{Body: postingOf(p)}, nil
}

type reverseInput struct {
	PostingInput
	Idempotent
	Body struct {
		Reason    string `json:"reason" doc:"Becomes the narration" example:"sent twice" minLength:"1" maxLength:"140"`
		Reference string `json:"reference" doc:"The client's own, unique to it for ever" example:"inv-1041-back" minLength:"1" maxLength:"64"`
	}
}

// reverse answers POST /v1/core/postings/{posting_id}/reverse.
func (a *api) reverse(ctx context.Context, in *reverseInput) (*postOutput, error) {
	order, err := a.order(ctx, &in.Idempotent)
	if err != nil {
		return nil, err
	}
	id, err := ids.Parse(ids.Posting, in.PostingID)
	if err != nil {
		return nil, malformed("posting_id", err)
	}
	return posted(a.Bank.Reverse(ctx, order, bank.NewReversal{
		Posting: id, Reason: in.Body.Reason, Reference: in.Body.Reference,
	}))
}
