package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
)

const (
	// ChallengeLife is how long a challenge waits for its second factor (the contract's 300 s).
	ChallengeLife = 5 * time.Minute
	// stepUpTokenLife is enough to send the request again, once.
	stepUpTokenLife = 2 * time.Minute
	// aalStepUp is the assurance of two factors.
	aalStepUp = 2
	// maxChallenges is how many challenges of one session may be open; one more drops the oldest.
	maxChallenges = 5
)

// Factor is what proves somebody a second time.
type Factor string

// The factors.
const (
	// FactorSMS is a one-time code to the subject's number.
	FactorSMS Factor = "sms"
	// FactorHandset is the PIN, typed in a USSD dialogue that the network vouches for.
	FactorHandset Factor = "handset"
)

// channelUSSD is the handset's own channel.
const channelUSSD = "ussd"

// factors are what proves somebody again, by the channel that asked: never something that the same channel carries. An
// app never sees a PIN dialogue, and a stolen session reads no SMS. A handset that asks can be given neither, for both
// end in the same hand; so what is not named here cannot be challenged.
var factors = map[string][]Factor{
	"app":       {FactorSMS, FactorHandset},
	"agent_app": {FactorSMS, FactorHandset},
	"console":   {FactorSMS},
}

// amrOf is how a factor is written in a token.
var amrOf = map[Factor][]string{FactorSMS: {amrOTP, amrSMS, amrMFA}, FactorHandset: {amrMFA}}

// RequestHash is what a challenge is bound to: SHA-256 of method, path with its query, and body as it came, each with
// its length before it, so that nothing can move from one to the next.
func RequestHash(method, path string, body []byte) [sha256.Size]byte {
	k := ledger.Key{Scope: method, Operation: path, Value: string(body)}
	return k.Digest()
}

// StepUpOptions are what StepUps is made of.
type StepUpOptions struct {
	DB       *sql.DB
	Identity *Service
	OTPs     *OTPs
	Tokens   *Tokens
	Clock    clock.Clock
}

// StepUps asks for a second factor where one is not enough, for one request at a time. It is safe for concurrent use.
type StepUps struct {
	db       *sql.DB
	identity *Service
	otps     *OTPs
	tokens   *Tokens
	clock    clock.Clock
	store    store
}

// NewStepUps joins the parts.
func NewStepUps(o StepUpOptions) *StepUps {
	return &StepUps{
		db: o.DB, identity: o.Identity, otps: o.OTPs, tokens: o.Tokens, clock: o.Clock, store: newStore(),
	}
}

// Challenge is a request that waits for a second factor.
type Challenge struct {
	ID        uuid.UUID
	ExpiresIn time.Duration
	Factors   []Factor
}

// String is the challenge as callers name it.
func (c Challenge) String() string { return ids.Format(ids.Challenge, c.ID) }

// stepUp is a row of step_ups.
type stepUp struct {
	ID         uuid.UUID     `db:"id"`
	Kind       Kind          `db:"subject_kind"`
	Subject    uuid.UUID     `db:"subject_id"`
	Session    uuid.UUID     `db:"session"`
	Hash       []byte        `db:"request_hash"`
	Channel    string        `db:"channel"`
	ExpiresAt  time.Time     `db:"expires_at"`
	ApprovedAt *time.Time    `db:"approved_at"`
	Token      uuid.NullUUID `db:"token_id"`
}

func (r stepUp) subject() Subject { return Subject{Kind: r.Kind, ID: r.Subject} }

// object is what the code of a step-up is bound to.
func (r stepUp) object() string { return hex.EncodeToString(r.Hash) }

// Require is nil once for a token that was stepped up for exactly this request, and an MFA_REQUIRED with a new challenge
// for every other: another request's, a second use, or none. channel is the one that the request came through.
func (s *StepUps) Require(ctx context.Context, p Principal, hash [sha256.Size]byte, channel string) error {
	err := s.Spend(ctx, p, hash)
	if !fault.Is(err, fault.MFARequired) {
		return err
	}
	c, challengeErr := s.Challenge(ctx, p, hash, channel)
	if challengeErr != nil {
		return challengeErr
	}
	return fault.From(err).With("challenge", c.String())
}

// Challenge asks for a second factor for one request of one session. Where the channel leaves none, as a handset's own,
// it is a FORBIDDEN.
func (s *StepUps) Challenge(ctx context.Context, p Principal, hash [sha256.Size]byte, channel string) (Challenge, error) {
	can := factors[channel]
	if len(can) == 0 || p.Session == uuid.Nil {
		return Challenge{}, fault.New(fault.CodeForbidden, "no second factor for %s over %.32q", p, channel)
	}
	now := s.clock.Now()
	row := stepUp{
		ID: ids.New(now), Kind: p.Kind, Subject: p.ID, Session: p.Session, Hash: hash[:], Channel: channel,
		ExpiresAt: now.Add(ChallengeLife),
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := s.store.dropStepUps(ctx, tx, row, maxChallenges-1, now); err != nil {
			return err
		}
		return s.store.insertStepUp(ctx, tx, row, now)
	})
	return Challenge{ID: row.ID, ExpiresIn: ChallengeLife, Factors: slices.Clone(can)}, err
}

// Spend takes a stepped-up token for the request that it is bound to, exactly once however many calls race: the row in
// PostgreSQL decides. Everything else is an MFA_REQUIRED.
func (s *StepUps) Spend(ctx context.Context, p Principal, hash [sha256.Size]byte) error {
	required := fault.New(fault.MFARequired, "a second factor for %s", p)
	if p.AAL < aalStepUp || p.Bound != hex.EncodeToString(hash[:]) {
		return required
	}
	spent, err := s.store.spendStepUp(ctx, s.db, p, hash[:], s.clock.Now())
	if err == nil && !spent {
		return required
	}
	return err
}

// owned is a principal's own live challenge; anything else is a NOT_FOUND, and one that is over or done an OTP_EXPIRED.
func (s *StepUps) owned(row stepUp, found bool, p Principal) error {
	switch {
	case !found || row.subject() != p.Subject() || row.Session != p.Session:
		return fault.New(fault.NotFound, "no such challenge of %s", p)
	case row.Token.Valid || !s.clock.Now().Before(row.ExpiresAt):
		return fault.New(fault.OTPExpired, "challenge %s is over", row.ID)
	}
	return nil
}

// SendCode sends the code of a challenge to its subject's number, as we know it. Errors as OTPs.Request's; FORBIDDEN
// where SMS is no factor for the channel that asked.
func (s *StepUps) SendCode(ctx context.Context, p Principal, challenge uuid.UUID, to msisdn.MSISDN, language string,
) (OTPSent, error) {
	row, found, err := s.store.stepUp(ctx, s.db, challenge)
	if err != nil {
		return OTPSent{}, err
	}
	if err := s.owned(row, found, p); err != nil {
		return OTPSent{}, err
	}
	if !slices.Contains(factors[row.Channel], FactorSMS) {
		return OTPSent{}, fault.New(fault.CodeForbidden, "a code over %s for a challenge over it", row.Channel)
	}
	return s.otps.Request(ctx, OTPRequest{
		Purpose: OTPStepUp, Subject: row.subject(), To: to, Language: language, Object: row.object(),
	})
}

// Waiting shows the challenges that a subject may approve on the handset, the newest first.
func (s *StepUps) Waiting(ctx context.Context, sub Subject) ([]Challenge, error) {
	now := s.clock.Now()
	rows, err := s.store.openStepUps(ctx, s.db, sub, now, maxListed)
	var list []Challenge
	for _, row := range rows {
		if can := factors[row.Channel]; slices.Contains(can, FactorHandset) {
			list = append(list, Challenge{ID: row.ID, ExpiresIn: row.ExpiresAt.Sub(now), Factors: can})
		}
	}
	return list, err
}

// Approval is a challenge that its subject approves on the handset, with the PIN. Key makes a hop that is delivered
// again one comparison.
type Approval struct {
	Key       ledger.Key
	Challenge uuid.UUID
	Proof     Proof
	Via       Via
}

// Approve takes the PIN for a challenge over USSD. Errors: PIN_INVALID and ACCOUNT_LOCKED; NOT_FOUND for somebody
// else's challenge; OTP_EXPIRED for one that is over; FORBIDDEN over any other channel.
func (s *StepUps) Approve(ctx context.Context, a Approval) error {
	row, found, err := s.store.stepUp(ctx, s.db, a.Challenge)
	if err != nil {
		return err
	}
	switch {
	case !found || row.subject() != a.Proof.Subject():
		return fault.New(fault.NotFound, "no such challenge of %s", a.Proof.Subject())
	case a.Via.Channel != channelUSSD || !slices.Contains(factors[row.Channel], FactorHandset):
		return fault.New(fault.CodeForbidden, "approval over %.32q of a challenge over %s", a.Via.Channel, row.Channel)
	}
	if err := s.identity.Authenticate(ctx, a.Key, a.Proof); err != nil {
		return err
	}
	approved, err := s.store.approveStepUp(ctx, s.db, row.ID, s.clock.Now())
	if err == nil && !approved && row.ApprovedAt == nil {
		return fault.New(fault.OTPExpired, "challenge %s is over", row.ID)
	}
	return err
}

// Complete changes a challenge that has its second factor for a token of assurance 2 that is good for its one request,
// once, for two minutes. otp is the otp_token of its code; none asks for what the handset has approved, and is an
// MFA_REQUIRED until it has. The principal must be the one that was challenged, in the same session.
func (s *StepUps) Complete(ctx context.Context, p Principal, challenge uuid.UUID, otp secret.Text, via Via) (Token, error) {
	now := s.clock.Now()
	stepped := p
	stepped.AAL, stepped.Token = aalStepUp, ids.New(now)
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		row, found, err := s.store.lockStepUp(ctx, tx, challenge)
		if err != nil {
			return err
		}
		if err := s.owned(row, found, p); err != nil {
			return err
		}
		factor, err := s.factorIn(ctx, tx, row, otp)
		if err != nil {
			return err
		}
		stepped.Bound, stepped.AMR = row.object(), slices.Concat(p.AMR, amrOf[factor])
		if err := s.store.completeStepUp(ctx, tx, row.ID, stepped.Token, factor); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, now, via.done(actStepUp, p.Subject(), map[string]string{
			audit.DetailFactor: string(factor), audit.DetailSession: p.Session.String(), audit.DetailToken: stepped.Token.String(),
		}))
	})
	if err != nil {
		return Token{}, err
	}
	return s.tokens.issue(stepped, stepUpTokenLife)
}

func (s *StepUps) factorIn(ctx context.Context, tx *sql.Tx, row stepUp, otp secret.Text) (Factor, error) {
	if !otp.IsZero() {
		return FactorSMS, s.otps.UseIn(ctx, tx, otp, OTPUse{
			Purpose: OTPStepUp, Subject: row.subject(), Object: row.object(),
		})
	}
	if row.ApprovedAt == nil {
		c := Challenge{ID: row.ID}
		return "", fault.New(fault.MFARequired, "challenge %s is not approved", row.ID).With("challenge", c.String())
	}
	return FactorHandset, nil
}
