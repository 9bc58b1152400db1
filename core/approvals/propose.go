package approvals

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/sql"
)

// ProposeIn writes a proposal in the caller's transaction, together with what waits for it. Errors: DUPLICATE_ENTITY
// while the same subject waits already, PAYLOAD_TOO_LARGE, VALIDATION_ERROR with the field summary.
func (s *Service) ProposeIn(ctx context.Context, tx *sql.Tx, p Proposal) (Approval, error) {
	now := s.clock.Now()
	p.ExpiresAt = p.ExpiresAt.UTC()
	if err := s.sound(p, now); err != nil {
		return Approval{}, err
	}
	a := Approval{ID: ids.New(now), Proposal: p, MadeAt: now, Status: Pending}
	written, err := s.store.propose(ctx, tx, a)
	if err != nil {
		return Approval{}, err
	}
	if !written {
		return Approval{}, fault.New(fault.DuplicateEntity, "%s of %s waits already", p.Kind, p.Subject)
	}
	return a, nil
}

// sound refuses what could not be decided later. All but texts and sizes is made by our own code, so that a fault in
// it is ours.
func (s *Service) sound(p Proposal, now time.Time) error {
	switch {
	case s.effects[p.Kind] == nil:
		return fmt.Errorf("nobody would decide a proposal of kind %q", p.Kind)
	case p.Subject == "" || p.Purpose == "" || p.Maker.Kind == "" || p.Maker.ID == uuid.Nil:
		return fmt.Errorf("a proposal of kind %q needs subject, purpose and maker", p.Kind)
	case !p.ExpiresAt.After(now) || p.ExpiresAt.After(now.Add(MaxLife)):
		return fmt.Errorf("a proposal of kind %q ends at %s, which is not within %s", p.Kind, p.ExpiresAt, MaxLife)
	case len(p.Payload) > MaxPayload:
		return fault.New(fault.PayloadTooLarge, "a proposal of %d bytes", len(p.Payload))
	case !json.Valid([]byte(p.Payload)):
		return fmt.Errorf("the payload of a proposal of kind %q is not JSON", p.Kind)
	case p.Summary == "":
		return fmt.Errorf("a proposal of kind %q has no summary", p.Kind)
	}
	return readable("summary", p.Summary)
}

// readable refuses text that no line can show, or that is longer than one may be.
func readable(field, text string) error {
	if utf8.RuneCountInString(text) > maxText {
		return fault.New(fault.ValidationError, "%s of %d bytes", field, len(text)).
			Field(field, fmt.Sprintf("is longer than %d characters", maxText))
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unreadable) {
		return fault.New(fault.ValidationError, "%s with control characters", field).
			Field(field, "must be readable text")
	}
	return nil
}

// unreadable tells control characters, but for those that end a line.
func unreadable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
