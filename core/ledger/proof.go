package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/clock"
	"nova/core/fault"
	"nova/sql"
)

// Proof shows that the posting behind a receipt is in the books that a checkpoint signed. It needs neither the database
// nor Nova: Verify computes the posting's hash, the root of its group, and the chain of seals up to the checkpoint's.
type Proof struct {
	Receipt string `json:"receipt"`
	// Posting is the posting with its entries in the form that is hashed (RFC 6962, with the mark of a leaf before it).
	Posting string `json:"posting"`
	Lane    int    `json:"lane"`
	Seal    int64  `json:"seal"`
	Place   int    `json:"place"`
	// Path leads from the posting to its group's root.
	Path []Hash `json:"path"`
	// Head is the hash of the seal before the group's; empty for a lane's first.
	Head []byte `json:"head"`
	// Seals are the group's and those after it, up to the checkpoint's. The root of the first is computed.
	Seals      []ProofSeal `json:"seals"`
	Checkpoint Checkpoint  `json:"checkpoint"`
}

// ProofSeal is what a seal's hash is made of, beside its lane, number and the hash before it.
type ProofSeal struct {
	At       time.Time `json:"at"`
	Postings int       `json:"postings"`
	Root     Hash      `json:"root"`
}

// receiptWord is where appendLeaf writes the receipt.
const receiptWord = 5

// maxChain bounds the seals of a proof. A checkpoint a second lies a few dozen seals away.
const maxChain = 100_000

// Verify checks a proof with nothing but itself and the keys that sign checkpoints. Its error says what does not hold.
func (p *Proof) Verify(keys PublicKeys) error {
	if words := strings.SplitN(p.Posting, " ", receiptWord+2); p.Receipt == "" || len(words) <= receiptWord ||
		words[receiptWord] != p.Receipt {
		return errors.New("the posting is not that of the receipt")
	}
	if len(p.Seals) == 0 || len(p.Seals) > maxChain {
		return fmt.Errorf("a chain of %d seals", len(p.Seals))
	}
	leaf := Hash(sha256.Sum256(append([]byte{leafMark}, p.Posting...)))
	root, fits := rootOfPath(leaf, p.Place, p.Seals[0].Postings, p.Path)
	if !fits || root != p.Seals[0].Root {
		return errors.New("the posting is not in its group")
	}
	head := p.Head
	for i, link := range p.Seals {
		s := Seal{Lane: p.Lane, Number: p.Seal + int64(i), At: link.At, Postings: link.Postings, Root: link.Root}
		s.Hash = s.chained(head)
		head = s.Hash[:]
	}
	last := p.Checkpoint.head(p.Lane)
	if last == nil || last.Seal != p.Seal+int64(len(p.Seals))-1 || last.Hash != Hash(head) {
		return errors.New("the chain of seals does not lead to the checkpoint")
	}
	if !p.Checkpoint.Signed(keys) {
		return errors.New("the checkpoint is not signed by a known key")
	}
	return nil
}

// Proof makes the proof of a receipt. Errors: NOT_FOUND for a receipt that moved no money; INVALID_STATE while no
// checkpoint covers it yet.
func (s *Store) Proof(ctx context.Context, log CheckpointLog, receipt string) (Proof, error) {
	var id uuid.UUID
	err := s.db.Get(ctx, &id, queries.Get("posting_of_receipt"), receipt)
	if sql.NoRows(err) {
		return Proof{}, fault.New(fault.NotFound, "no posting has the receipt %s", receipt)
	}
	if err != nil {
		return Proof{}, err
	}
	p, err := s.Posting(ctx, id)
	if err != nil {
		return Proof{}, err
	}
	// A day of slack for clocks and time zones: the log's days are its writers'.
	c, err := Covering(log, clock.DayOf(p.BookedAt, time.UTC).AddDays(-1), p.Lane, p.Seal)
	if err != nil {
		return Proof{}, err
	}
	proof := Proof{Receipt: receipt, Lane: p.Lane, Seal: p.Seal, Place: p.Place, Checkpoint: c}
	proof.Posting = string(appendLeaf(nil, p.row(receipt), p.Entries)[1:])
	if err := s.path(ctx, &proof); err != nil {
		return Proof{}, err
	}
	return proof, s.chain(ctx, &proof)
}

// path fills in how the posting leads to its group's root.
func (s *Store) path(ctx context.Context, p *Proof) error {
	groups, err := leavesOf(ctx, s.db, p.Lane, p.Seal-1, p.Seal)
	if err != nil {
		return err
	}
	if len(groups) != 1 || p.Place >= len(groups[0].hashes()) {
		return fmt.Errorf("lane %d seal %d is not whole", p.Lane, p.Seal)
	}
	p.Path = merklePath(groups[0].hashes(), p.Place)
	return nil
}

// chain fills in the seals from the one before the group's to the checkpoint's.
func (s *Store) chain(ctx context.Context, p *Proof) error {
	last := p.Checkpoint.head(p.Lane).Seal
	if last-p.Seal >= maxChain {
		return fmt.Errorf("%d seals lie between the posting and its checkpoint", last-p.Seal)
	}
	if p.Seal > 1 {
		before, err := sealsOf(ctx, s.db, p.Lane, p.Seal-2, p.Seal-1)
		if err != nil {
			return err
		}
		for _, b := range before {
			p.Head = b.Hash[:]
		}
	}
	for after := p.Seal - 1; after < last; after += sealsAtOnce {
		seals, err := sealsOf(ctx, s.db, p.Lane, after, last)
		if err != nil {
			return err
		}
		for _, s := range seals {
			p.Seals = append(p.Seals, ProofSeal{At: s.At, Postings: s.Postings, Root: s.Root})
		}
	}
	return nil
}
