package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"nova/core/clock"
	"nova/core/secret"
	"nova/sql"
)

// Checkpoint is where the chain stood at a time, signed, and kept where the database's owner cannot change it. Whoever
// rewrites the whole chain would have to rewrite these, too.
type Checkpoint struct {
	At time.Time `json:"at"`
	// Previous chains it to the one that the same process wrote before on the same day (UTC); zero for the first.
	Previous Hash  `json:"previous"`
	Seal     int64 `json:"seal"`
	Hash     Hash  `json:"hash"`
	// Key names the Ed25519 key of the signature over the text.
	Key       string `json:"key"`
	Signature []byte `json:"signature"`
}

// text is what is signed. It begins unlike a checkpoint of the ledger's, which the same key may sign.
func (c *Checkpoint) text() []byte {
	return fmt.Appendf(nil, "nova audit checkpoint %d %s %d %s", c.At.UnixMicro(), c.Previous, c.Seal, c.Hash)
}

// digest is what the next checkpoint is chained to.
func (c *Checkpoint) digest() Hash { return sha256.Sum256(c.text()) }

// PublicKeys finds the key of a signature by its name.
type PublicKeys interface {
	Public(kid string) (ed25519.PublicKey, bool)
}

// CheckpointLog keeps checkpoints outside the database, a line of JSON each, in the order in which they were made.
type CheckpointLog interface {
	// Append adds a line to this process's of a day, and returns when it is on disk. After an error the next line is
	// the first of another process's.
	Append(day clock.Day, line []byte) error
	// Each gives the lines of all days since one, "" for all, and marks each process's first of a day. It ends with the
	// first error that fn returns.
	Each(since clock.Day, fn func(line []byte, first bool) error) error
}

// Checkpointer writes checkpoints. One goroutine uses it.
type Checkpointer struct {
	db     *sql.DB
	clock  clock.Clock
	signer *secret.Signer
	log    CheckpointLog
	last   *Checkpoint
}

// NewCheckpointer makes one that begins a chain of its own.
func NewCheckpointer(db *sql.DB, c clock.Clock, signer *secret.Signer, log CheckpointLog) *Checkpointer {
	return &Checkpointer{db: db, clock: c, signer: signer, log: log}
}

// Write writes a checkpoint if the chain has moved since the last one.
func (c *Checkpointer) Write(ctx context.Context) error {
	head, err := readChain(ctx, c.db)
	switch {
	case err != nil:
		return err
	case head.Number == 0 || c.last != nil && c.last.Seal == head.Number:
		return nil
	case len(head.Hash) != sha256.Size:
		return fmt.Errorf("the audit chain has a head of %d bytes", len(head.Hash))
	}
	next := Checkpoint{At: c.clock.Now().UTC().Truncate(time.Microsecond), Seal: head.Number, Hash: Hash(head.Hash)}
	day := clock.DayOf(next.At, time.UTC)
	if c.last != nil && clock.DayOf(c.last.At, time.UTC) == day {
		next.Previous = c.last.digest()
	}
	kid, key := c.signer.Current()
	next.Key, next.Signature = kid, ed25519.Sign(key, next.text())
	line, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode audit checkpoint: %w", err)
	}
	c.last = &next
	if err := c.log.Append(day, line); err != nil {
		// Whether the line lasts is not known: the next one begins another chain, as the log begins another file.
		c.last = nil
		return fmt.Errorf("keep audit checkpoint: %w", err)
	}
	return nil
}

// CheckpointReport is what CheckCheckpoints found.
type CheckpointReport struct {
	Checkpoints int64
	// Breach names the first checkpoint that the record contradicts; empty when there is none.
	Breach string
}

// checkpointsAtOnce is how many checkpoints are compared with the chain in one statement.
const checkpointsAtOnce = 1_000

// errBreach ends a walk through checkpoints.
var errBreach = errors.New("breach")

// CheckCheckpoints reads all checkpoints since a day, "" for all: each must be signed and follow from the one before, and
// the chain must hold the very seal that it names.
func (v *Events) CheckCheckpoints(ctx context.Context, log CheckpointLog, keys PublicKeys, since clock.Day) (
	CheckpointReport, error,
) {
	var r CheckpointReport
	var last *Checkpoint
	var batch []Checkpoint
	compare := func() (err error) {
		r.Breach, err = v.contradicted(ctx, batch)
		batch = batch[:0]
		if err == nil && r.Breach != "" {
			err = errBreach
		}
		return err
	}
	err := log.Each(since, func(line []byte, first bool) error {
		if first {
			last = nil
		}
		c, breach := readCheckpoint(line, last, keys)
		if r.Breach = breach; breach != "" {
			return errBreach
		}
		r.Checkpoints++
		last, batch = &c, append(batch, c)
		if len(batch) < checkpointsAtOnce {
			return nil
		}
		return compare()
	})
	if err == nil && len(batch) > 0 {
		err = compare()
	}
	if errors.Is(err, errBreach) {
		err = nil
	}
	return r, err
}

// readCheckpoint reads a line, and says what is wrong with it by itself and after the last one of its process.
func readCheckpoint(line []byte, last *Checkpoint, keys PublicKeys) (c Checkpoint, breach string) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return c, fmt.Sprintf("an audit checkpoint cannot be read: %v", err)
	}
	key, known := keys.Public(c.Key)
	switch {
	case !known || !ed25519.Verify(key, c.text(), c.Signature):
		return c, c.name() + " is not signed by a known key"
	case last == nil && c.Previous != Hash{}, last != nil && c.Previous != last.digest():
		return c, c.name() + " does not follow from the one before"
	}
	return c, ""
}

// name tells a checkpoint from the others, for people.
func (c *Checkpoint) name() string { return "the audit checkpoint of " + c.At.Format(time.RFC3339Nano) }

// contradicted names the first checkpoint whose seal the chain does not have.
func (v *Events) contradicted(ctx context.Context, points []Checkpoint) (string, error) {
	numbers := make([]int64, len(points))
	for i := range points {
		numbers[i] = points[i].Seal
	}
	hashes, err := sealHashes(ctx, v.db, numbers)
	if err != nil {
		return "", err
	}
	for i := range points {
		c := &points[i]
		if found, there := hashes[c.Seal]; !there || found != c.Hash {
			return fmt.Sprintf("%s signed another seal %d than there is", c.name(), c.Seal), nil
		}
	}
	return "", nil
}
