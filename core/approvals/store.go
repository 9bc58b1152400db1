package approvals

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("approvals")} }

type row struct {
	ID          uuid.UUID
	Audience    uuid.NullUUID
	MakerID     uuid.UUID     `db:"maker_id"`
	CheckerID   uuid.NullUUID `db:"checker_id"`
	MadeAt      time.Time     `db:"made_at"`
	ExpiresAt   time.Time     `db:"expires_at"`
	DecidedAt   *time.Time    `db:"decided_at"`
	Kind        string
	Subject     string
	Purpose     string
	Status      Status
	MakerKind   string `db:"maker_kind"`
	CheckerKind string `db:"checker_kind"`
	Note        string
	Summary     string
	Payload     string
}

func (r row) approval() Approval {
	a := Approval{
		ID: r.ID,
		Proposal: Proposal{
			Kind: r.Kind, Subject: r.Subject, Payload: r.Payload, Summary: r.Summary, Purpose: r.Purpose,
			Audience: r.Audience.UUID, Maker: Actor{Kind: r.MakerKind, ID: r.MakerID}, ExpiresAt: r.ExpiresAt.UTC(),
		},
		MadeAt: r.MadeAt.UTC(), Status: r.Status, Checker: Actor{Kind: r.CheckerKind, ID: r.CheckerID.UUID}, Note: r.Note,
	}
	if r.DecidedAt != nil {
		a.DecidedAt = r.DecidedAt.UTC()
	}
	return a
}

// propose tells whether the proposal was written: not so while its subject waits.
func (s store) propose(ctx context.Context, tx *sql.Tx, a Approval) (bool, error) {
	n, err := tx.Exec(ctx, s.queries.Get("propose"), a.ID, orNull(a.Audience), a.Maker.ID, a.MadeAt, a.ExpiresAt, a.Kind,
		a.Subject, a.Purpose, a.Maker.Kind, a.Summary, a.Payload)
	return n == 1, err
}

func (s store) byID(ctx context.Context, q sql.Querier, id uuid.UUID) (Approval, error) {
	return s.one(ctx, q, s.queries.Get("by_id"), id)
}

// lock reads an approval that nobody else can decide until the transaction ends.
func (s store) lock(ctx context.Context, tx *sql.Tx, id uuid.UUID) (Approval, error) {
	return s.one(ctx, tx, s.queries.Get("lock"), id)
}

func (s store) one(ctx context.Context, q sql.Querier, query sql.Query, id uuid.UUID) (Approval, error) {
	var r row
	err := q.Get(ctx, &r, query, id)
	if sql.NoRows(err) {
		return Approval{}, fault.New(fault.NotFound, "no approval %s", id)
	}
	if err != nil {
		return Approval{}, err
	}
	return r.approval(), nil
}

func (s store) waiting(ctx context.Context, q sql.Querier, by Checker, f Filter, now time.Time) ([]Approval, error) {
	var rows []row
	err := q.Select(ctx, &rows, s.queries.Get("waiting"), now, sql.Array(by.Purposes), by.ID, sql.UUIDs(by.Audiences),
		sql.Array(f.Kinds), f.After, f.Most)
	if err != nil {
		return nil, err
	}
	all := make([]Approval, len(rows))
	for i, r := range rows {
		all[i] = r.approval()
	}
	return all, nil
}

func (s store) close(ctx context.Context, tx *sql.Tx, a Approval) error {
	_, err := tx.Exec(ctx, s.queries.Get("close"), a.ID, a.Status, orNull(a.Checker.ID), a.Checker.Kind, a.DecidedAt, a.Note)
	return err
}

func (s store) overdue(ctx context.Context, q sql.Querier, now time.Time, n int) ([]uuid.UUID, error) {
	var list []uuid.UUID
	err := q.Select(ctx, &list, s.queries.Get("overdue"), now, n)
	return list, err
}

func orNull(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: id != uuid.Nil} }
