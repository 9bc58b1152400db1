package audit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/sql"
)

// queries are the package's statements. This file alone runs them.
var queries = sql.Named("audit")

// recordColumns are those of the statement record.
const recordColumns = 11

// write keeps events in one statement, those again that are there already excepted.
func write(ctx context.Context, q sql.Querier, events []Event) error {
	c := make(sql.Columns, recordColumns)
	for i := range events {
		e := &events[i]
		detail, err := detailText(e.Detail)
		if err != nil {
			return err
		}
		c[0].UUID(e.ID)
		c[1].Time(e.At)
		for n, text := range [...]string{
			e.Actor, e.Action, e.Object, e.Outcome, e.Purpose, e.Policy, e.Channel, e.Correlation, detail,
		} {
			c[2+n].Text(text)
		}
	}
	_, err := q.Exec(ctx, queries.Get("record"), c.Args()...)
	return err
}

// detailText is Detail as it is kept and hashed: JSON with its names in order.
func detailText(detail map[string]string) (string, error) {
	if len(detail) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(detail)
	return string(text), err
}

// eventRow is an event as it stands in the database.
type eventRow struct {
	ID   uuid.UUID
	At   time.Time
	Seal int64

	Actor, Action, Object, Outcome, Purpose, Policy, Channel, Correlation string
	// Detail is JSON. A proof hashes it as it stands.
	Detail string
}

func (r *eventRow) event() (Event, error) {
	e := Event{
		ID: r.ID, At: r.At.UTC(), Actor: r.Actor, Action: r.Action, Object: r.Object, Outcome: r.Outcome,
		Purpose: r.Purpose, Policy: r.Policy, Channel: r.Channel, Correlation: r.Correlation,
	}
	if err := json.Unmarshal([]byte(r.Detail), &e.Detail); err != nil {
		return Event{}, fmt.Errorf("read detail of audit event %s: %w", r.ID, err)
	}
	return e, nil
}

// find reads a page of events, the newest first. Which statement asks decides which index answers.
func find(ctx context.Context, q sql.Querier, by Query, after, before uuid.UUID, most int) ([]eventRow, error) {
	query := queries.Get("by_time")
	switch {
	case by.Object != "":
		query = queries.Get("by_object")
	case by.Actor != "":
		query = queries.Get("by_actor")
	case by.Action != "":
		query = queries.Get("by_action")
	}
	var rows []eventRow
	err := q.Select(ctx, &rows, query, by.Actor, by.Object, by.Action, after, before, by.From, by.To, most)
	return rows, err
}

// chain is where the chain stands.
type chain struct {
	Number int64
	Hash   []byte
}

// lockChain is false while another node seals.
func lockChain(ctx context.Context, tx *sql.Tx) (chain, bool, error) {
	var c chain
	err := tx.Get(ctx, &c, queries.Get("lock_chain"))
	if sql.NoRows(err) {
		return c, false, nil
	}
	return c, err == nil, err
}

func readChain(ctx context.Context, q sql.Querier) (chain, error) {
	var c chain
	err := q.Get(ctx, &c, queries.Get("chain"))
	return c, err
}

// unsealed reads the events that wait, in the order of their times.
func unsealed(ctx context.Context, tx *sql.Tx, most int) ([]eventRow, error) {
	var set string
	if err := tx.Get(ctx, &set, queries.Get("seal_plans")); err != nil {
		return nil, err
	}
	var rows []eventRow
	err := tx.Select(ctx, &rows, queries.Get("unsealed"), most)
	return rows, err
}

// keep writes a seal, marks its events, and moves the chain on.
func (s *seal) keep(ctx context.Context, tx *sql.Tx) error {
	leaves := make([]byte, 0, len(s.leaves)*sha256.Size)
	for _, leaf := range s.leaves {
		leaves = append(leaves, leaf[:]...)
	}
	_, err := tx.Exec(ctx, queries.Get("write_seal"), s.number, s.at, sql.UUIDs(s.events), leaves, s.hash[:])
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, queries.Get("fill_seal"), s.number, sql.UUIDs(s.events))
	if err != nil {
		return err
	}
	if n != int64(len(s.events)) {
		return fmt.Errorf("audit seal %d took %d of %d events", s.number, n, len(s.events))
	}
	n, err = tx.Exec(ctx, queries.Get("move_chain"), s.number, s.hash[:])
	if err == nil && n != 1 {
		err = fmt.Errorf("the audit chain does not stand before seal %d", s.number)
	}
	return err
}

// atOneMoment makes the transaction's statements see the same.
func atOneMoment(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.Exec(ctx, queries.Get("one_moment"))
	return err
}

// sealsAfter reads seals in their order.
func sealsAfter(ctx context.Context, tx *sql.Tx, number int64, most int) ([]seal, error) {
	var rows []struct {
		Number       int64
		At           time.Time `db:"sealed_at"`
		Events       string
		Leaves, Hash []byte
	}
	if err := tx.Select(ctx, &rows, queries.Get("seals"), number, most); err != nil {
		return nil, err
	}
	seals := make([]seal, len(rows))
	for i, r := range rows {
		s := seal{number: r.Number, at: r.At.UTC()}
		copy(s.hash[:], r.Hash)
		for word := range strings.FieldsSeq(r.Events) {
			id, err := uuid.Parse(word)
			if err != nil {
				return nil, fmt.Errorf("read audit seal %d: %w", r.Number, err)
			}
			s.events = append(s.events, id)
		}
		for leaf := range slices.Chunk(r.Leaves, sha256.Size) {
			var h Hash
			copy(h[:], leaf) // a proof must not stumble over what somebody cut
			s.leaves = append(s.leaves, h)
		}
		seals[i] = s
	}
	return seals, nil
}

// eventsOf reads the events that bear the numbers of seals, and those that the seals name.
func eventsOf(ctx context.Context, tx *sql.Tx, seals []seal) ([]eventRow, error) {
	var named []uuid.UUID
	for i := range seals {
		named = append(named, seals[i].events...)
	}
	var rows []eventRow
	first, last := seals[0].number, seals[len(seals)-1].number
	err := tx.Select(ctx, &rows, queries.Get("sealed_events"), first, last, sql.UUIDs(named))
	return rows, err
}

// stray is the first event that bears the number of no seal; the zero id for none.
func stray(ctx context.Context, tx *sql.Tx, last int64) (uuid.UUID, error) {
	var id uuid.UUID
	err := tx.Get(ctx, &id, queries.Get("stray"), last)
	if sql.NoRows(err) {
		return uuid.Nil, nil
	}
	return id, err
}

// waiting counts the events that have no seal yet, and tells since when the oldest waits; zero for none.
func waiting(ctx context.Context, q sql.Querier) (int64, time.Time, error) {
	var row struct {
		Waiting int64
		Since   *time.Time
	}
	if err := q.Get(ctx, &row, queries.Get("waiting")); err != nil || row.Since == nil {
		return row.Waiting, time.Time{}, err
	}
	return row.Waiting, row.Since.UTC(), nil
}

// sealHashes are the hashes of seals by their numbers; one that is not there has none.
func sealHashes(ctx context.Context, q sql.Querier, numbers []int64) (map[int64]Hash, error) {
	var rows []chain
	var column sql.Column
	for _, n := range numbers {
		column.Int(n)
	}
	if err := q.Select(ctx, &rows, queries.Get("seal_hashes"), column.Array()); err != nil {
		return nil, err
	}
	hashes := make(map[int64]Hash, len(rows))
	for _, r := range rows {
		var h Hash
		copy(h[:], r.Hash)
		hashes[r.Number] = h
	}
	return hashes, nil
}
