package identity

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/fault"
	"nova/core/secret"
	"nova/sql"
)

// maxListed bounds what a list of sign-ins, devices or challenges of one subject shows.
const maxListed = 50

// refreshRow is a refresh token with whose it is.
type refreshRow struct {
	Family    uuid.UUID  `db:"sign_in"`
	ExpiresAt time.Time  `db:"expires_at"`
	UsedAt    *time.Time `db:"used_at"`
	Kind      Kind       `db:"subject_kind"`
	Subject   uuid.UUID  `db:"subject_id"`
}

// Refresh changes a refresh token for a new pair, once. Of parallel calls one wins. A token that comes a second time
// has been stolen, or its owner's answer was: either way the whole family ends, and the answer is TOKEN_REUSED (RFC
// 9700, 4.14.2). What is unknown, over, revoked, or of another kind of subject is one UNAUTHORIZED.
func (s *SignIns) Refresh(ctx context.Context, kind Kind, token secret.Text, via Via) (SignedIn, error) {
	row, err := s.presented(ctx, kind, token)
	if err != nil {
		return SignedIn{}, err
	}
	sub := Subject{Kind: row.Kind, ID: row.Subject}
	grant, status, err := s.standing(ctx, sub)
	if fault.Ours(err) {
		return SignedIn{}, err
	}
	if err != nil {
		via.Actor = audit.Nova
		if endErr := s.end(ctx, row, reasonRefused, via.done(actRevoke, sub, because(reasonRefused))); endErr != nil {
			return SignedIn{}, endErr
		}
		return SignedIn{}, fault.Wrap(err, fault.Unauthorized, "%s may no longer act", sub.ID)
	}
	next := newOpaque()
	f, err := s.rotate(ctx, rotation{old: token, next: next, family: row.Family, via: via})
	if err != nil {
		return SignedIn{}, err
	}
	return s.answer(f, grant, next, status.MustChange)
}

// presented finds the token that somebody shows.
func (s *SignIns) presented(ctx context.Context, kind Kind, token secret.Text) (refreshRow, error) {
	if text := token.Reveal(); text == "" || len(text) > maxRefresh {
		return refreshRow{}, fault.New(fault.Unauthorized, "no refresh token, or one of more than %d bytes", maxRefresh)
	}
	row, found, err := s.store.refreshToken(ctx, s.db, token)
	if err == nil && (!found || row.Kind != kind) {
		return refreshRow{}, fault.New(fault.Unauthorized, "no such refresh token of a %s", kind)
	}
	return row, err
}

// rotation changes one token for the next.
type rotation struct {
	old, next secret.Text
	family    uuid.UUID
	via       Via
}

// rotate decides under the family's lock. A reuse is written before it is refused, so the transaction commits.
func (s *SignIns) rotate(ctx context.Context, r rotation) (family, error) {
	var f family
	var refusal error
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		refusal = nil // InTx may run this again
		now := s.clock.Now()
		if f, err = s.store.lockFamily(ctx, tx, r.family); err != nil {
			return err
		}
		used := false
		if f.live(now) {
			if used, err = s.store.useRefresh(ctx, tx, r.old, now); err != nil {
				return err
			}
		}
		if !used {
			refusal, err = s.refuse(ctx, tx, r, f)
			return err
		}
		if err := s.store.touchFamily(ctx, tx, f.ID, now); err != nil {
			return err
		}
		return s.store.insertRefresh(ctx, tx, r.next, f, now)
	})
	if err != nil {
		return family{}, err
	}
	if fault.Is(refusal, fault.TokenReused) {
		s.tokens.revoked.note(f.ID)
	}
	return f, refusal
}

// refuse says why a token was not taken, and ends the family of one that came before.
func (s *SignIns) refuse(ctx context.Context, tx *sql.Tx, r rotation, f family) (refusal, err error) {
	row, _, err := s.store.refreshToken(ctx, tx, r.old)
	if err != nil {
		return nil, err
	}
	if row.UsedAt == nil {
		return fault.New(fault.Unauthorized, "refresh token of family %s is over", f.ID), nil
	}
	refusal = fault.New(fault.TokenReused, "refresh token of family %s came again", f.ID)
	ended, err := s.store.revokeFamily(ctx, tx, f.ID, reasonReuse, s.clock.Now())
	if err != nil || !ended {
		return refusal, err // a family that has ended is not worth an event for each copy
	}
	e := r.via.refused(actReuse, f.subject(), refusal, map[string]string{audit.DetailSession: f.ID.String()})
	return refusal, audit.RecordIn(ctx, tx, s.clock.Now(), e)
}

// Logout ends the family of a refresh token: no token of it is good any more. A token that is unknown or whose family
// has ended is no error: what was wanted is so.
func (s *SignIns) Logout(ctx context.Context, kind Kind, token secret.Text, via Via) error {
	row, err := s.presented(ctx, kind, token)
	if fault.Is(err, fault.Unauthorized) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.end(ctx, row, reasonLogout, via.done(actLogout, Subject{Kind: row.Kind, ID: row.Subject}, nil))
}

// end ends a family, and records it unless it had ended before.
func (s *SignIns) end(ctx context.Context, row refreshRow, reason string, e audit.Event) error {
	now := s.clock.Now()
	e.Detail[audit.DetailSession] = row.Family.String()
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ended, err := s.store.revokeFamily(ctx, tx, row.Family, reason, now)
		if err != nil || !ended {
			return err
		}
		return audit.RecordIn(ctx, tx, now, e)
	})
	if err == nil {
		s.tokens.revoked.note(row.Family)
	}
	return err
}

func because(reason string) map[string]string { return map[string]string{audit.DetailReason: reason} }

// RevokeSubject ends all families of a subject: who is suspended is out within a second, on every node. A reason is a few
// words.
func (s *SignIns) RevokeSubject(ctx context.Context, sub Subject, reason string, via Via) error {
	var ended []uuid.UUID
	now := s.clock.Now()
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var err error
		if ended, err = s.store.revokeSubject(ctx, tx, sub.ID, uuid.Nil, reason, now); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, now, via.done(actRevoke, sub, because(reason)))
	})
	if err == nil {
		s.tokens.revoked.note(ended...)
	}
	return err
}

// End ends one family of a subject, as List names it. One that is somebody else's, or has ended, is a NOT_FOUND.
func (s *SignIns) End(ctx context.Context, sub Subject, session uuid.UUID, via Via) error {
	now := s.clock.Now()
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		ended, err := s.store.revokeOwn(ctx, tx, session, sub, now)
		if err == nil && !ended {
			err = fault.New(fault.NotFound, "%s has no such sign-in", sub.ID)
		}
		if err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, now, via.done(actLogout, sub, map[string]string{audit.DetailSession: session.String()}))
	})
	if err == nil {
		s.tokens.revoked.note(session)
	}
	return err
}

// SignedInDevice is one live family, as its owner sees it.
type SignedInDevice struct {
	Session           uuid.UUID
	Device            string
	Channel           string
	AAL               int
	CreatedAt, UsedAt time.Time
	ExpiresAt         time.Time
}

// List shows where a subject is signed in, the newest first.
func (s *SignIns) List(ctx context.Context, sub Subject) ([]SignedInDevice, error) {
	rows, err := s.store.familiesOf(ctx, s.db, sub.ID, s.clock.Now(), maxListed)
	list := make([]SignedInDevice, len(rows))
	for i, f := range rows {
		list[i] = SignedInDevice{
			Session: f.ID, Device: f.Device, Channel: f.Channel, AAL: f.AAL,
			CreatedAt: f.CreatedAt.UTC(), UsedAt: f.UsedAt.UTC(), ExpiresAt: f.ExpiresAt.UTC(),
		}
	}
	return list, err
}
