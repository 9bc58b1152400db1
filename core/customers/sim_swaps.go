package customers

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
)

// SIMSwaps tells when a number's SIM was changed last; false where it is not known to have been. It is asked before cash
// goes out, so it must answer within a hop or fail.
type SIMSwaps interface {
	SwappedAt(ctx context.Context, m msisdn.MSISDN) (time.Time, bool, error)
}

// Silence is what holds where a provider of SIM swaps does not answer.
type Silence string

// SilenceLocal goes by what is known here: reports of operators, IMSIs of gateways, and what the provider said before.
// SilenceRefuse refuses, as SERVICE_UNAVAILABLE, what waits after a change of the SIM.
const (
	SilenceLocal  Silence = "local"
	SilenceRefuse Silence = "refuse"
)

// Sources of what is known of SIMs, besides the names that reporters give.
const (
	sourceGateway  = "gateway"  // another IMSI dialled
	sourceProvider = "provider" // SIMSwaps told it
)

const (
	// maxSource bounds a reporter's name.
	maxSource = 64
	// clockSkew is by how much a reporter's clock may be ahead.
	clockSkew = 5 * time.Minute
	// An IMSI has at most 15 digits, of which six name country and network (ITU-T E.212).
	minIMSI, maxIMSI = 6, 15
)

// SIMSwap is a change of a number's SIM that somebody reports.
type SIMSwap struct {
	MSISDN    msisdn.MSISDN
	SwappedAt time.Time
	// Source says who knows it: the operator's feed, an officer after a call.
	Source string

	owner uuid.UUID // the customer of the number, zero for none
}

// ReportSIMSwap records a change of a number's SIM, whoever's it is: the number may become a customer's later. An older
// one than is known changes nothing. Errors: VALIDATION_ERROR on msisdn, swapped_at or source; FORBIDDEN for a customer.
func (s *Service) ReportSIMSwap(ctx context.Context, by identity.Subject, swap SIMSwap) error {
	now := s.clock.Now()
	switch {
	case by.Kind == identity.Customer:
		return fault.New(fault.CodeForbidden, "customer %s reports a SIM swap", by.ID)
	case swap.MSISDN.IsZero():
		return fault.New(fault.ValidationError, "SIM swap of no number").Field("msisdn", "is required")
	case swap.SwappedAt.IsZero() || swap.SwappedAt.After(now.Add(clockSkew)):
		return fault.New(fault.ValidationError, "SIM swap at %s", swap.SwappedAt).Field("swapped_at", "must not be in the future")
	case swap.Source == "" || len(swap.Source) > maxSource || !utf8.ValidString(swap.Source):
		return fault.New(fault.ValidationError, "source of a SIM swap").Field("source", "must have 1 to 64 characters")
	}
	c, err := s.ByMSISDN(ctx, swap.MSISDN)
	if err != nil && !fault.Is(err, fault.CustomerNotFound) {
		return err
	}
	swap.owner = c.ID
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.swappedIn(ctx, tx, by, swap) })
}

// swappedIn keeps a swap, and that somebody told it, where it is news.
func (s *Service) swappedIn(ctx context.Context, tx *sql.Tx, by identity.Subject, swap SIMSwap) error {
	added, err := s.store.addSwap(ctx, tx, swap, s.clock.Now())
	if err != nil || !added {
		return err
	}
	return s.record(ctx, tx, by, actSIMSwap, swap.owner, swapDetail(swap))
}

// nova is who acts where nobody asked.
var nova = identity.Subject{}

// Saw takes the IMSI with which a customer's number dialled, where a gateway tells it. Another one than last time is a
// changed SIM. Only a keyed hash of it is kept. What is no IMSI says nothing.
//
// A hash moves to the current Index key at the next dial, since nothing else holds the IMSI; who has not dialled until the
// older key is gone is met as if for the first time.
func (s *Service) Saw(ctx context.Context, c Customer, imsi secret.Text) error {
	digits := imsi.Reveal()
	if len(digits) < minIMSI || len(digits) > maxIMSI || strings.Trim(digits, "0123456789") != "" {
		return nil
	}
	known, found, err := s.store.simCard(ctx, s.db, c.ID)
	if err != nil {
		return err
	}
	same, _, err := s.sameSIM(known, found, digits)
	if err != nil || same && known.Version == s.keyring.Index.Current() {
		return err
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return s.sawIn(ctx, tx, c, digits) })
}

func (s *Service) sawIn(ctx context.Context, tx *sql.Tx, c Customer, digits string) error {
	known, found, err := s.store.lockSIMCard(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	same, comparable, err := s.sameSIM(known, found, digits)
	if err != nil {
		return err
	}
	now := s.clock.Now()
	version := s.keyring.Index.Current()
	hash, err := s.simHash(version, c.ID, digits)
	if err != nil {
		return err
	}
	if err := s.store.setSIMCard(ctx, tx, simCard{Customer: c.ID, Hash: hash, Version: version}, now); err != nil || same || !comparable {
		return err
	}
	return s.swappedIn(ctx, tx, nova, SIMSwap{MSISDN: c.MSISDN, SwappedAt: now, Source: sourceGateway, owner: c.ID})
}

// sameSIM compares with what the row holds. A hash under a key that is gone is comparable with nothing.
func (s *Service) sameSIM(known simCard, found bool, digits string) (same, comparable bool, err error) {
	if !found || !slices.Contains(s.keyring.Index.Versions(), known.Version) {
		return false, false, nil
	}
	hash, err := s.simHash(known.Version, known.Customer, digits)
	return subtle.ConstantTimeCompare(hash, known.Hash) == 1, true, err
}

func (s *Service) simHash(version int, customer uuid.UUID, digits string) ([]byte, error) {
	sum, err := s.keyring.Index.Sum(version, []byte("sim_cards|hash"), customer[:], []byte(digits))
	return sum[:], err
}

// simSettled refuses what waits after a change of the SIM. The newest word counts, whoever has it.
func (s *Service) simSettled(ctx context.Context, c Customer) error {
	swapped := c.SIMSwappedAt
	if s.sims == nil || s.held(swapped, s.simHold, ReasonSIMChanged) != nil {
		return s.held(swapped, s.simHold, ReasonSIMChanged)
	}
	at, found, err := s.sims.SwappedAt(ctx, c.MSISDN)
	switch {
	case err != nil && s.silence == SilenceRefuse:
		return fault.Wrap(err, fault.ServiceUnavailable, "SIM swaps of %s", c.MSISDN)
	case err != nil:
		s.mishap(ctx, err) // what is known here has decided already
		return nil
	case !found || s.held(&at, s.simHold, ReasonSIMChanged) == nil:
		return nil
	}
	// It is kept, so that it holds also while the provider is silent.
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return s.swappedIn(ctx, tx, nova, SIMSwap{MSISDN: c.MSISDN, SwappedAt: at, Source: sourceProvider, owner: c.ID})
	})
	if err != nil {
		return err
	}
	return s.held(&at, s.simHold, ReasonSIMChanged)
}
