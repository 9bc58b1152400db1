package rest

import (
	"context"
	"time"

	"nova/core/bank"
	"nova/core/fault"
	"nova/core/ids"
)

type placeHoldInput struct {
	Idempotent
	Body struct {
		AccountID string     `json:"account_id" doc:"A wallet, float, commission or savings account" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
		Amount    MoneyInput `json:"amount"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"A week from now if left out, and at most 30 days ahead" example:"2026-11-28T14:00:00Z"`
		Reason    string     `json:"reason" example:"room 7" minLength:"1" maxLength:"140"`
	}
}

// Hold is money that a client has reserved.
type Hold struct {
	HoldID    string `json:"hold_id" example:"hld_01kat5m7q8e2r9v4c6x0z3n1bw"`
	AccountID string `json:"account_id" example:"acc_01kat5m7q8e2r9v4c6x0z3n1bw"`
	Amount    Amount `json:"amount"`
	Captured  Amount `json:"captured"`
	Status    string `json:"status" enum:"active,captured,released,expired" example:"active"`
	Reason    string `json:"reason" example:"room 7"`
	PostingID string `json:"posting_id,omitempty" doc:"The posting that captured it, in the capture's own answer" example:"pst_01kat5m7q8e2r9v4c6x0z3n1bw"`
	CreatedAt Time   `json:"created_at"`
	ExpiresAt Time   `json:"expires_at"`
}

func bodyOfHold(h bank.Hold) Hold {
	return Hold{
		HoldID: ids.Format(ids.Hold, h.ID), AccountID: ids.Format(ids.Account, h.Account), Amount: amountOf(h.Amount),
		Captured: amountOf(h.Captured), Status: string(h.Status), Reason: h.Reason,
		PostingID: idOrNone(ids.Posting, h.Posting), CreatedAt: Time(h.CreatedAt), ExpiresAt: Time(h.ExpiresAt),
	}
}

// holdChange is a hold that may be the first answer again.
type holdChange struct {
	Replay
	Body Hold
}

func changed(h bank.Hold, err error) (*holdChange, error) {
	replay, err := again(h.Replayed, err)
	if err != nil {
		return nil, err
	}
	return &holdChange{Replay: replay, Body: bodyOfHold(h)}, nil
}

// placeHold answers POST /v1/core/holds.
func (a *api) placeHold(ctx context.Context, in *placeHoldInput) (*holdChange, error) {
	order, err := a.order(ctx, &in.Idempotent)
	if err != nil {
		return nil, err
	}
	account, err := ids.Parse(ids.Account, in.Body.AccountID)
	if err != nil {
		return nil, malformed("account_id", err)
	}
	amount, err := in.Body.Amount.parse("amount")
	if err != nil {
		return nil, err
	}
	n := bank.NewHold{Account: account, Amount: amount, Reason: in.Body.Reason}
	if until := in.Body.ExpiresAt; until != nil {
		if n.ExpiresAt = *until; until.IsZero() {
			return nil, fault.New(fault.ValidationError, "hold until the year 1").Field("expires_at", "is past")
		}
	}
	return changed(a.Bank.PlaceHold(ctx, order, n))
}

// HoldInput is what every operation on a hold takes.
type HoldInput struct {
	HoldID string `path:"hold_id" doc:"Id of the hold" example:"hld_01kat5m7q8e2r9v4c6x0z3n1bw" maxLength:"64"`
}

type holdInput struct{ HoldInput }

type holdOutput struct{ Body Hold }

// hold answers GET /v1/core/holds/{hold_id}.
func (a *api) hold(ctx context.Context, in *holdInput) (*holdOutput, error) {
	client, err := clientOf(ctx)
	if err != nil {
		return nil, err
	}
	id, err := ids.Parse(ids.Hold, in.HoldID)
	if err != nil {
		return nil, malformed("hold_id", err)
	}
	h, err := a.Bank.Hold(ctx, client, id)
	if err != nil {
		return nil, err
	}
	return &holdOutput{Body: bodyOfHold(h)}, nil
}

type captureHoldInput struct {
	HoldInput
	Idempotent
	Body struct {
		Amount    MoneyInput   `json:"amount" doc:"At most what is held; the rest is released"`
		Entries   []EntryInput `json:"entries" nullable:"false" minItems:"2" maxItems:"64" doc:"Where the money goes: they debit the hold's account by exactly the amount"`
		Narration string       `json:"narration,omitempty" example:"room 7" maxLength:"140"`
		Reference string       `json:"reference,omitempty" doc:"The client's own, unique to it for ever" example:"stay-77" maxLength:"64"`
	}
}

// captureHold answers POST /v1/core/holds/{hold_id}/capture.
func (a *api) captureHold(ctx context.Context, in *captureHoldInput) (*holdChange, error) {
	order, err := a.order(ctx, &in.Idempotent)
	if err != nil {
		return nil, err
	}
	n := bank.NewCapture{Narration: in.Body.Narration, Reference: in.Body.Reference}
	if n.Hold, err = ids.Parse(ids.Hold, in.HoldID); err != nil {
		return nil, malformed("hold_id", err)
	}
	if n.Amount, err = in.Body.Amount.parse("amount"); err != nil {
		return nil, err
	}
	if n.Entries, err = entries(in.Body.Entries); err != nil {
		return nil, err
	}
	return changed(a.Bank.Capture(ctx, order, n))
}

type releaseHoldInput struct {
	HoldInput
	Idempotent
}

// releaseHold answers POST /v1/core/holds/{hold_id}/release.
func (a *api) releaseHold(ctx context.Context, in *releaseHoldInput) (*holdChange, error) {
	order, err := a.order(ctx, &in.Idempotent)
	if err != nil {
		return nil, err
	}
	id, err := ids.Parse(ids.Hold, in.HoldID)
	if err != nil {
		return nil, malformed("hold_id", err)
	}
	return changed(a.Bank.Release(ctx, order, id))
}
