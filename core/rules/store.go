package rules

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"

	"nova/core/approvals"
	"nova/core/fault"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("rules")} }

type row struct {
	Version       int
	EffectiveFrom time.Time     `db:"effective_from"`
	CreatedAt     time.Time     `db:"created_at"`
	ApprovalID    uuid.NullUUID `db:"approval_id"`
	MakerKind     string        `db:"maker_kind"`
	MakerID       uuid.NullUUID `db:"maker_id"`
	CheckerKind   string        `db:"checker_kind"`
	CheckerID     uuid.NullUUID `db:"checker_id"`
	Hash          []byte
	Document      string
}

func (r row) version() Version {
	v := Version{
		Number: r.Version, From: r.EffectiveFrom.UTC(), CreatedAt: r.CreatedAt.UTC(), Approval: r.ApprovalID.UUID,
		Maker:   approvals.Actor{Kind: r.MakerKind, ID: r.MakerID.UUID},
		Checker: approvals.Actor{Kind: r.CheckerKind, ID: r.CheckerID.UUID},
	}
	copy(v.Hash[:], r.Hash)
	return v
}

// there tells whether the schema has a place for rule books.
func (s store) there(ctx context.Context, q sql.Querier) (bool, error) {
	var there bool
	err := q.Get(ctx, &there, s.queries.Get("there"))
	return there, err
}

// first writes version 1, unless another node was quicker.
func (s store) first(ctx context.Context, q sql.Querier, kind Kind, v Version, document string) error {
	_, err := q.Exec(ctx, s.queries.Get("first"), kind, v.From, v.Hash[:], document)
	return err
}

// since reads at most n versions above a number, oldest first.
func (s store) since(ctx context.Context, q sql.Querier, kind Kind, number, n int) ([]row, error) {
	var rows []row
	err := q.Select(ctx, &rows, s.queries.Get("since"), kind, number, n)
	return rows, err
}

// add writes the version after the last one.
func (s store) add(ctx context.Context, tx *sql.Tx, kind Kind, v Version, document string) error {
	_, err := tx.Exec(ctx, s.queries.Get("add"), kind, v.From, v.CreatedAt, v.Approval, v.Maker.Kind, v.Maker.ID,
		v.Checker.Kind, v.Checker.ID, v.Hash[:], document)
	return err
}

func (s store) newest(ctx context.Context, q sql.Querier, kind Kind, below, n int) ([]Version, error) {
	if below <= 0 {
		below = math.MaxInt32
	}
	var rows []row
	if err := q.Select(ctx, &rows, s.queries.Get("newest"), kind, below, n); err != nil {
		return nil, err
	}
	all := make([]Version, len(rows))
	for i, r := range rows {
		all[i] = r.version()
	}
	return all, nil
}

func (s store) text(ctx context.Context, q sql.Querier, kind Kind, number int) (string, error) {
	var text string
	err := q.Get(ctx, &text, s.queries.Get("text"), kind, number)
	if sql.NoRows(err) {
		return "", fault.New(fault.NotFound, "%s have no version %d", kind, number)
	}
	return text, err
}
