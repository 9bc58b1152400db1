package ledger

import (
	"crypto/hmac"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/secret"
)

// MaxCodeTries is how many wrong codes a withdrawal survives before its hold is released.
const MaxCodeTries = 3

// codeContext separates the keyed hashes of withdrawal codes from everything else under the same key.
const codeContext = "ledger.hold.code"

// holdPlan is what becomes of a hold.
type holdPlan struct {
	hold     *hold
	status   HoldStatus
	captured int64
}

func (p *plan) holds() error {
	for i := range p.c.Holds {
		move := &p.c.Holds[i]
		var err error
		switch move.Action {
		case Place:
			err = p.place(move.Hold)
		case Capture:
			err = p.capture(move)
		case Release, Expire:
			err = p.release(move)
		default:
			err = fmt.Errorf("hold action %d", move.Action)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) place(h Hold) error {
	if h.ID == uuid.Nil || h.Kind == "" {
		return errors.New("hold without id or kind")
	}
	if h.Minor <= 0 || h.Fee < 0 || h.Fee > h.Minor {
		return fault.New(fault.ValidationError, "hold of %d", h.Minor).Field("amount", "must be more than zero")
	}
	if !h.ExpiresAt.After(p.st.now) {
		return fault.New(fault.ValidationError, "hold expires at %s", h.ExpiresAt).Field("expires_at", "is past")
	}
	t, err := p.touch(h.Account)
	if err != nil {
		return err
	}
	switch a := t.account; {
	case a.status == Closed:
		return fault.New(fault.AccountClosed, "account %s", a.id)
	case a.status != Active:
		return fault.New(fault.AccountFrozen, "account %s", a.id)
	case p.c.Currency != "" && a.currency != p.c.Currency:
		return fault.New(fault.CurrencyMismatch, "account %s is in %s", a.id, a.currency)
	}
	if live, found := p.st.liveCodes[h.Account]; found && h.Kind == WithdrawalCode && !p.ends(live) {
		return fault.New(fault.InvalidState, "account %s has the live code %s", h.Account, live)
	}
	if p.planned(h.ID) || p.st.holds[h.ID] != nil {
		return fault.New(fault.DuplicateEntity, "hold %s", h.ID)
	}
	return p.addPlace(t, h)
}

func (p *plan) addPlace(t *touch, h Hold) error {
	held, ok := add(t.held, h.Minor)
	if !ok {
		return fault.New(fault.InsufficientFunds, "account %s holds beyond int64", h.Account)
	}
	t.held = held
	version, sum, err := codeHash(p.st.codes, h.ID, h.Code)
	if err != nil {
		return err
	}
	h.Code, h.codeHash = secret.Text{}, sum
	h.Status, h.Captured, h.Tries, h.CreatedAt = HoldActive, 0, 0, p.st.now
	placed := &hold{Hold: h, version: version, fresh: true}
	p.moves = append(p.moves, holdPlan{hold: placed, status: HoldActive})
	return nil
}

// ends tells that this command ends the hold.
func (p *plan) ends(id uuid.UUID) bool {
	for _, m := range p.moves {
		if m.hold.ID == id {
			return m.status != HoldActive
		}
	}
	return false
}

func (p *plan) planned(id uuid.UUID) bool {
	for _, m := range p.moves {
		if m.hold.ID == id {
			return true
		}
	}
	return false
}

func (p *plan) capture(move *HoldMove) error {
	h, t, err := p.active(move.ID)
	if err != nil {
		return err
	}
	if !h.ExpiresAt.After(p.st.now) {
		return fault.New(fault.OTPExpired, "hold %s expired at %s", h.ID, h.ExpiresAt)
	}
	if move.Minor <= 0 || move.Minor > h.Minor {
		return fault.New(fault.ValidationError, "capture %d of hold %s over %d", move.Minor, h.ID, h.Minor).
			Field("amount", "must be within the hold")
	}
	if t.delta > -move.Minor {
		return fault.New(fault.ValidationError, "capture of hold %s takes less than %d off its account", h.ID, move.Minor).
			Field("entries", "must take the captured amount from the hold's account")
	}
	if err := p.code(h, move.Code); err != nil {
		return err
	}
	t.held -= h.Minor
	p.moves = append(p.moves, holdPlan{hold: h, status: HoldCaptured, captured: move.Minor})
	return nil
}

func (p *plan) release(move *HoldMove) error {
	h, t, err := p.active(move.ID)
	if err != nil {
		return err
	}
	status := HoldReleased
	if move.Action == Expire {
		if h.ExpiresAt.After(p.st.now) {
			// Not a refusal to be stored: its key must be free when the time has come.
			return fmt.Errorf("hold %s lives until %s: %w", h.ID, h.ExpiresAt, ErrStale)
		}
		status = HoldExpired
	}
	t.held -= h.Minor
	p.moves = append(p.moves, holdPlan{hold: h, status: status})
	return nil
}

func (p *plan) active(id uuid.UUID) (*hold, *touch, error) {
	h := p.st.holds[id]
	if h == nil {
		return nil, nil, fault.New(fault.NotFound, "hold %s", id)
	}
	if h.Status == HoldExpired {
		return nil, nil, fault.New(fault.OTPExpired, "hold %s is expired", id)
	}
	if h.Status != HoldActive || p.planned(id) {
		return nil, nil, fault.New(fault.InvalidState, "hold %s is %s", id, h.Status)
	}
	t, err := p.touch(h.Account)
	return h, t, err
}

// code compares what the agent typed. A wrong code is counted although the command is refused; the last try gives
// the money back to its owner.
func (p *plan) code(h *hold, typed *secret.Text) error {
	if h.codeHash == nil {
		if typed != nil {
			return fault.New(fault.ValidationError, "hold %s has no code", h.ID).Field("code", "is not expected")
		}
		return nil
	}
	if typed == nil {
		return fault.New(fault.ValidationError, "hold %s has a code", h.ID).Field("code", "is required")
	}
	sum, err := p.st.codes.Sum(h.version, []byte(codeContext), h.ID[:], []byte(typed.Reveal()))
	if err != nil {
		return fmt.Errorf("hash code of hold %s: %w", h.ID, err)
	}
	if hmac.Equal(sum[:], h.codeHash) {
		return nil
	}
	h.Tries++
	p.st.touchHold(h)
	if h.Tries >= MaxCodeTries {
		p.st.endHold(h, HoldReleased, 0)
	}
	return fault.New(fault.OTPInvalid, "code of hold %s, try %d", h.ID, h.Tries).
		With("attempts_left", max(0, MaxCodeTries-h.Tries))
}

// codeHash is the keyed hash of a hold's code with its key's version; nil for a hold without a code.
func codeHash(mac *secret.MAC, id uuid.UUID, code secret.Text) (version int, sum []byte, err error) {
	if code.IsZero() {
		return 0, nil, nil
	}
	if mac == nil {
		return 0, nil, errors.New("a hold has a code, and no key for codes was given")
	}
	version = mac.Current()
	digest, err := mac.Sum(version, []byte(codeContext), id[:], []byte(code.Reveal()))
	if err != nil {
		return 0, nil, fmt.Errorf("hash code of hold %s: %w", id, err)
	}
	return version, digest[:], nil
}

// endHold gives the held money back to the balance and erases the code.
func (st *State) endHold(h *hold, status HoldStatus, captured int64) {
	a := st.accounts[h.Account]
	a.held -= h.Minor
	st.touchAccount(a)
	h.Status, h.Captured = status, captured
	h.codeHash, h.CodeSealed = nil, nil
	if st.liveCodes[h.Account] == h.ID {
		delete(st.liveCodes, h.Account)
	}
	st.touchHold(h)
}
