package rules

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/core/rules/document"
	"nova/sql"
)

// Draft is a book that somebody wants to be in force from a moment on.
type Draft struct {
	Document string
	From     time.Time
	Maker    approvals.Actor
}

// payload is what waits for the decision.
type payload struct {
	Document string    `json:"document"`
	From     time.Time `json:"effective_from"`
}

// Propose reads a draft whole and lets it wait for a second person, until Lead before it is to take effect. A
// VALIDATION_ERROR names every fault by its place in the document, and effective_from where the moment is wrong: less
// than Notice ahead, more than Ahead, or not after the last version's. DUPLICATE_ENTITY while another draft waits.
func (k *Keeper[B]) Propose(ctx context.Context, d Draft) (approvals.Approval, error) {
	d.From = d.From.UTC().Truncate(time.Microsecond)
	var a approvals.Approval
	err := k.o.DB.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		last, err := k.check(ctx, tx, d, Notice)
		if err != nil {
			return err
		}
		text, err := json.Marshal(payload{Document: d.Document, From: d.From})
		if err != nil {
			return fmt.Errorf("write proposal: %w", err)
		}
		now := k.o.Clock.Now()
		a, err = k.o.Approvals.ProposeIn(ctx, tx, approvals.Proposal{
			Kind: string(k.o.Kind), Subject: string(k.o.Kind), Payload: string(text), Purpose: k.o.Purpose, Maker: d.Maker,
			Summary:   fmt.Sprintf("%s: version %d from %s", k.o.Kind, last+1, d.From.Format(time.RFC3339)),
			ExpiresAt: earlier(d.From.Add(-Lead), now.Add(approvals.MaxLife)),
		})
		return err
	})
	if err != nil {
		return approvals.Approval{}, err
	}
	return a, nil
}

// ApproveIn makes an approved draft the next version. It is checked once more: another version may have come between.
func (k *Keeper[B]) ApproveIn(ctx context.Context, tx *sql.Tx, a approvals.Approval) error {
	var p payload
	if err := json.Unmarshal([]byte(a.Payload), &p); err != nil {
		return fmt.Errorf("read proposal %s: %w", a.ID, err)
	}
	if _, err := k.check(ctx, tx, Draft{Document: p.Document, From: p.From}, Lead); err != nil {
		return err
	}
	return k.store.add(ctx, tx, k.o.Kind, Version{
		From: p.From, CreatedAt: a.DecidedAt, Approval: a.ID, Maker: a.Maker, Checker: a.Checker,
		Hash: sha256.Sum256([]byte(p.Document)),
	}, p.Document)
}

// RejectIn has nothing to undo: a draft is nothing but its proposal.
func (k *Keeper[B]) RejectIn(context.Context, *sql.Tx, approvals.Approval) error { return nil }

// check refuses a draft that could not be the next version, and tells the last one's number.
func (k *Keeper[B]) check(ctx context.Context, tx *sql.Tx, d Draft, notice time.Duration) (last int, err error) {
	books := &shelf[B]{}
	if err := k.loadInto(ctx, tx, books); err != nil {
		return 0, err
	}
	if len(books.volumes) == 0 {
		return 0, fmt.Errorf("%s have no first version yet", k.o.Kind)
	}
	faults := k.moment(d.From, notice, books)
	next, err := k.o.Parse([]byte(d.Document))
	var inside document.Faults
	switch {
	case errors.As(err, &inside):
		faults = append(faults, inside...)
	case err != nil:
		return 0, err
	default:
		faults = append(faults, k.o.Fits(next, d.From, books.all())...)
	}
	if len(faults) == 0 {
		return books.last(), nil
	}
	refused := fault.Wrap(faults, fault.ValidationError, "a draft of %s", k.o.Kind)
	refused.Fields = faults.Fields()
	return 0, refused
}

// moment refuses a draft that would take effect too soon for every node to know, too late, or before another one.
func (k *Keeper[B]) moment(from time.Time, notice time.Duration, books *shelf[B]) document.Faults {
	const field = "effective_from"
	now := k.o.Clock.Now()
	var faults document.Faults
	if from.Before(now.Add(notice)) {
		faults = append(faults, document.Fault{Path: field, Problem: fmt.Sprintf("is less than %s ahead", notice)})
	}
	if from.After(now.Add(Ahead)) {
		faults = append(faults, document.Fault{Path: field, Problem: "is more than two years ahead"})
	}
	if last := books.volumes[len(books.volumes)-1]; !from.After(last.From) {
		faults = append(faults, document.Fault{Path: field, Problem: "is not after the last version's"})
	}
	return faults
}

// all are the books, oldest first.
func (s *shelf[B]) all() []B {
	all := make([]B, len(s.volumes))
	for i, v := range s.volumes {
		all[i] = v.book
	}
	return all
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
