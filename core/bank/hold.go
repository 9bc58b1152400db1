package bank

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
)

// Reservation is the kind of a client's hold. Other holds - a withdrawal code - are nobody's here.
const Reservation ledger.HoldKind = "reservation"

const (
	// HoldLife is how long a hold lives that was placed without an expiry: a week, as with cards.
	HoldLife = 7 * 24 * time.Hour
	// MaxHoldLife bounds it: money that is reserved for longer belongs on an account of its own.
	MaxHoldLife = 30 * 24 * time.Hour
)

// ownerKey is where a hold's metadata keeps the client that placed it: whoever else was granted the account neither
// sees nor moves it.
const ownerKey = "client"

// NewHold reserves money of an account. A zero ExpiresAt means HoldLife from now.
type NewHold struct {
	Account   uuid.UUID
	Amount    money.Amount
	ExpiresAt time.Time
	Reason    string
}

// NewCapture uses a hold: Entries say where its money goes, and take Amount off the hold's account, no more and no
// less. What is left of the hold is released. Narration and Reference may be empty.
type NewCapture struct {
	Hold                 uuid.UUID
	Amount               money.Amount
	Entries              []Entry
	Narration, Reference string
}

// Hold is a client's hold. Posting is the one that captured it, where the answer is a capture's.
type Hold struct {
	ID, Account      uuid.UUID
	Amount, Captured money.Amount
	Status           ledger.HoldStatus
	Reason           string
	CreatedAt        time.Time
	ExpiresAt        time.Time
	Posting          uuid.UUID
	Replayed         bool
}

// PlaceHold reserves money, once for its key. Only what belongs to people can be held: an account without a floor
// has nothing that could run short.
func (s *Service) PlaceHold(ctx context.Context, o Order, n NewHold) (Hold, error) {
	now := s.clock.Now()
	if n.ExpiresAt.IsZero() {
		n.ExpiresAt = now.Add(HoldLife)
	}
	if n.ExpiresAt.After(now.Add(MaxHoldLife)) {
		return Hold{}, fault.New(fault.ValidationError, "hold until %s", n.ExpiresAt).
			Field("expires_at", fmt.Sprintf("is more than %d days ahead", MaxHoldLife/(24*time.Hour)))
	}
	if err := checkTexts(text{"reason", n.Reason, 1, MaxReason}); err != nil {
		return Hold{}, err
	}
	mine, err := s.usable(ctx, o.Client, []uuid.UUID{n.Account}, accountField)
	if err != nil {
		result, err := s.before(ctx, o, err)
		return held(result, err)
	}
	if mine[n.Account].Floor == nil {
		return Hold{}, fault.New(fault.ValidationError, "hold on account %s without a floor", n.Account).
			Field("account_id", "is of a product whose money cannot be held")
	}
	h := Hold{
		ID: ids.New(now), Account: n.Account, Amount: n.Amount, Captured: money.Of(0, n.Amount.Currency),
		Status: ledger.HoldActive, Reason: n.Reason, CreatedAt: now, ExpiresAt: n.ExpiresAt.UTC().Truncate(time.Microsecond),
	}
	return s.move(ctx, o, h, &ledger.Command{
		Currency: n.Amount.Currency,
		Holds: []ledger.HoldMove{ledger.PlaceHold(ledger.Hold{
			ID: h.ID, Account: h.Account, Kind: Reservation, Minor: h.Amount.Minor, Reason: h.Reason,
			ExpiresAt: h.ExpiresAt, Metadata: map[string]string{ownerKey: o.Client.String()},
		})},
	})
}

// Hold reads a hold that the client placed.
func (s *Service) Hold(ctx context.Context, client, id uuid.UUID) (Hold, error) {
	h, err := s.ledger.Hold(ctx, id)
	if err != nil {
		return Hold{}, err
	}
	if h.Kind != Reservation || h.Metadata[ownerKey] != client.String() {
		return Hold{}, fault.New(fault.NotFound, "hold %s is not of client %s", id, client)
	}
	mine, err := s.usable(ctx, client, []uuid.UUID{h.Account}, accountField)
	if err != nil {
		return Hold{}, err
	}
	return holdOn(h, mine[h.Account].Currency), nil
}

// Capture moves a hold's money, in part or whole, and ends the hold. One whose time is over is INVALID_STATE.
func (s *Service) Capture(ctx context.Context, o Order, n NewCapture) (Hold, error) {
	err := checkTexts(text{"narration", n.Narration, 0, MaxNarration}, text{"reference", n.Reference, 0, MaxReference})
	if err == nil {
		err = checkEntries(n.Entries)
	}
	if err != nil {
		return Hold{}, err
	}
	h, c, err := s.capture(ctx, o, n)
	if err != nil {
		result, err := s.before(ctx, o, err)
		return held(result, err)
	}
	return s.move(ctx, o, h, c)
}

func (s *Service) capture(ctx context.Context, o Order, n NewCapture) (Hold, *ledger.Command, error) {
	h, err := s.Hold(ctx, o.Client, n.Hold)
	if err != nil {
		return h, nil, err
	}
	if n.Amount.Currency != n.Entries[0].Amount.Currency {
		return h, nil, fault.New(fault.CurrencyMismatch, "capture in %s of entries in %s", n.Amount.Currency,
			n.Entries[0].Amount.Currency).Field("amount", "is in another currency than the entries")
	}
	if taken(n.Entries, h.Account) != n.Amount.Minor {
		return h, nil, fault.New(fault.ValidationError, "capture of %d", n.Amount.Minor).
			Field("entries", "must debit the hold's account by exactly the captured amount")
	}
	mine, err := s.usable(ctx, o.Client, accountsOf(n.Entries), entryField)
	if err != nil {
		return h, nil, err
	}
	c := s.command(o, n.Entries)
	c.Narration, c.Reference = n.Narration, n.Reference
	c.Transaction = s.fact(o, c, n.Entries, mine)
	c.Holds = []ledger.HoldMove{ledger.CaptureHold(h.ID, n.Amount.Minor)}
	h.Status, h.Captured, h.Posting = ledger.HoldCaptured, n.Amount, c.Posting
	return h, c, nil
}

// taken is what entries debit an account by. A sum beyond int64 stops there: the ledger refuses such a posting.
func taken(entries []Entry, account uuid.UUID) int64 {
	var debits []Entry
	for _, e := range entries {
		if e.Account == account && e.Side == ledger.Debit {
			debits = append(debits, e)
		}
	}
	return moved(debits)
}

// releasable is a hold that the client placed, or one that somebody else placed on an account that the client opened: who
// was granted the account, and is no more, must not keep its money from its owner.
func (s *Service) releasable(ctx context.Context, client, id uuid.UUID) (Hold, error) {
	h, err := s.Hold(ctx, client, id)
	if !fault.Is(err, fault.NotFound) {
		return h, err
	}
	found, other := s.ledger.Hold(ctx, id)
	if other != nil || found.Kind != Reservation {
		return h, err
	}
	account, other := s.ledger.Account(ctx, found.Account)
	if other != nil || account.OpenedBy != Opener(client) {
		return h, err
	}
	return holdOn(found, account.Currency), nil
}

func holdOn(h ledger.Hold, currency money.Currency) Hold {
	return Hold{
		ID: h.ID, Account: h.Account, Amount: money.Of(h.Minor, currency), Captured: money.Of(h.Captured, currency),
		Status: h.Status, Reason: h.Reason, CreatedAt: h.CreatedAt, ExpiresAt: h.ExpiresAt,
	}
}

// Release gives a hold's money back to its account.
func (s *Service) Release(ctx context.Context, o Order, id uuid.UUID) (Hold, error) {
	h, err := s.releasable(ctx, o.Client, id)
	if err != nil {
		result, err := s.before(ctx, o, err)
		return held(result, err)
	}
	h.Status = ledger.HoldReleased
	return s.move(ctx, o, h, &ledger.Command{Holds: []ledger.HoldMove{ledger.ReleaseHold(id)}})
}

// move runs a command on a hold. The hold as it will be is stored with the result, so that a retry is told the same,
// whatever became of the hold since.
func (s *Service) move(ctx context.Context, o Order, h Hold, c *ledger.Command) (Hold, error) {
	c.Key, c.Body = o.Key, o.Body
	var err error
	if c.Extra, err = h.extra(); err != nil {
		return Hold{}, err
	}
	result, err := s.submit(ctx, c)
	return held(result, err)
}

// held reads a result as the hold that it was stored with.
func held(result ledger.Result, refusal error) (Hold, error) {
	switch {
	case fault.Is(refusal, fault.OTPExpired):
		// The ledger's word for any hold past its time; a client knows no one-time code.
		return Hold{Replayed: result.Replayed}, fault.Wrap(refusal, fault.InvalidState, "hold past its time").
			Field("hold_id", "has expired")
	case refusal != nil:
		return Hold{Replayed: result.Replayed}, refusal
	}
	h, err := holdOf(result.Extra)
	if err != nil {
		// The hold has moved: whatever broke since, nobody may be told that it did not.
		return Hold{}, fault.Wrap(err, fault.IdempotencyInProgress, "read the result of a hold")
	}
	h.Replayed = result.Replayed
	return h, nil
}

// heldText is a hold as it is stored with a result: kept for weeks, so each byte counts.
type heldText struct {
	ID       uuid.UUID         `json:"i"`
	Account  uuid.UUID         `json:"a"`
	Minor    int64             `json:"m"`
	Captured int64             `json:"c,omitempty"`
	Currency money.Currency    `json:"cy"`
	Status   ledger.HoldStatus `json:"s"`
	Reason   string            `json:"r"`
	Created  int64             `json:"ct"`
	Expires  int64             `json:"ex"`
	Posting  uuid.UUID         `json:"p,omitzero"`
}

// heldKey is where a result's extra keeps the hold.
const heldKey = "hold"

func (h Hold) extra() (map[string]string, error) {
	stored, err := json.Marshal(heldText{
		ID: h.ID, Account: h.Account, Minor: h.Amount.Minor, Captured: h.Captured.Minor, Currency: h.Amount.Currency,
		Status: h.Status, Reason: h.Reason, Created: h.CreatedAt.UnixMicro(), Expires: h.ExpiresAt.UnixMicro(),
		Posting: h.Posting,
	})
	if err != nil {
		return nil, fmt.Errorf("encode hold: %w", err)
	}
	return map[string]string{heldKey: string(stored)}, nil
}

func holdOf(extra map[string]string) (Hold, error) {
	var t heldText
	if err := json.Unmarshal([]byte(extra[heldKey]), &t); err != nil {
		return Hold{}, fmt.Errorf("decode hold: %w", err)
	}
	return Hold{
		ID: t.ID, Account: t.Account, Amount: money.Of(t.Minor, t.Currency), Captured: money.Of(t.Captured, t.Currency),
		Status: t.Status, Reason: t.Reason, CreatedAt: time.UnixMicro(t.Created).UTC(),
		ExpiresAt: time.UnixMicro(t.Expires).UTC(), Posting: t.Posting,
	}, nil
}
