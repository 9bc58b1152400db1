package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

const (
	// refreshBytes make a token that nobody guesses: 256 random bits.
	refreshBytes = 32
	// maxRefresh bounds what is hashed for an unauthenticated caller.
	maxRefresh = 100
	// maxSignIns is how many families of one subject live: a phone, a tablet and what was never signed out. One more
	// ends the oldest.
	maxSignIns = 10
	// maxLogin bounds a name that somebody signs in under.
	maxLogin = 100
	// maxDevice bounds the name that an app gives its device.
	maxDevice = 64
)

// AMR values: how somebody was proved (RFC 8176, 2, where it has a word).
const (
	amrPIN      = "pin"
	amrPassword = "pwd"
	amrOTP      = "otp"
	amrSMS      = "sms"
	amrMFA      = "mfa"
)

// Why a family ended.
const (
	reasonLogout   = "logout"
	reasonReuse    = "refresh token reused"
	reasonExcess   = "too many sign-ins"
	reasonRefused  = "subject may no longer act"
	reasonUnbound  = "device unbound"
	reasonNewPIN   = "PIN changed"
	reasonReset    = "PIN reset"
	reasonDisabled = "disabled"
	reasonRoles    = "roles changed"
	reasonPassword = "password changed"
)

// life is how long a family's refresh token is good for, and the family at most.
type life struct{ refresh, family time.Duration }

// lives: a customer's app that is opened once a month stays signed in; staff sign in each day and again after an hour
// of doing nothing (OWASP ASVS 5, 7.3).
var lives = map[Kind]life{
	Customer: {refresh: 30 * 24 * time.Hour, family: 180 * 24 * time.Hour},
	Operator: {refresh: 7 * 24 * time.Hour, family: 90 * 24 * time.Hour},
	Staff:    {refresh: time.Hour, family: 12 * time.Hour},
}

// Grant is what somebody may do now, as their tokens say.
type Grant struct {
	Name                    string
	Scopes, Purposes, Roles []string
}

// Grants tells what somebody may do, at sign-in and at each refresh. For who may not act now (suspended, closed, gone)
// it answers a fault of any kind but Internal and Unavailable, which ends the family.
type Grants func(ctx context.Context, sub Subject) (Grant, error)

// SignInOptions are what SignIns is made of.
type SignInOptions struct {
	DB       *sql.DB
	Identity *Service
	Tokens   *Tokens
	Clock    clock.Clock
	Grants   Grants
}

// SignIns keeps who is signed in: families of refresh tokens, each begun by a proof and ended by a logout, a reuse or
// whoever revokes it. It is safe for concurrent use.
type SignIns struct {
	db       *sql.DB
	identity *Service
	tokens   *Tokens
	clock    clock.Clock
	grants   Grants
	store    store
}

// NewSignIns joins the parts.
func NewSignIns(o SignInOptions) *SignIns {
	return &SignIns{
		db: o.DB, identity: o.Identity, tokens: o.Tokens, clock: o.Clock, grants: o.Grants, store: newStore(),
	}
}

// PINSignIn is somebody at the door with a PIN. Login is the name that they gave, an MSISDN or an agent's code with its
// operator's number, always in one form; Subject is whom the caller found behind it, zero for nobody or for somebody
// who may not act. Kind is what they say they are. Device is the app's own name of its device, "" for none.
type PINSignIn struct {
	Kind    Kind
	Subject Subject
	Login   string
	PIN     secret.Text
	Device  string
	Via     Via
}

// SignedIn is a fresh pair of tokens.
type SignedIn struct {
	Token
	Subject          Subject
	Grant            Grant
	Session          uuid.UUID
	Refresh          secret.Text
	RefreshExpiresIn time.Duration
	DeviceBound      bool
	AAL              int
	// MustChange: the PIN was chosen by somebody else. Until it is changed the tokens grant nothing.
	MustChange bool
}

// family is a row of sign_ins.
type family struct {
	ID        uuid.UUID  `db:"id"`
	Kind      Kind       `db:"subject_kind"`
	Subject   uuid.UUID  `db:"subject_id"`
	Device    string     `db:"device"`
	Channel   string     `db:"channel"`
	AAL       int        `db:"aal"`
	AMR       string     `db:"amr"`
	CreatedAt time.Time  `db:"created_at"`
	UsedAt    time.Time  `db:"used_at"`
	ExpiresAt time.Time  `db:"expires_at"`
	RevokedAt *time.Time `db:"revoked_at"`
}

func (f family) subject() Subject { return Subject{Kind: f.Kind, ID: f.Subject} }

func (f family) live(now time.Time) bool { return f.RevokedAt == nil && now.Before(f.ExpiresAt) }

// SignIn begins a family for who knows their PIN. The PIN is compared where every other one is, by the ledger's writer
// under its row's lock, so parallel guesses through all doors together never pass the limit.
//
// A name that nobody answers to, somebody without a PIN and a wrong PIN are one INVALID_CREDENTIALS, without a count of
// tries left, after the same steps. A lock is an ACCOUNT_LOCKED with retry_after_seconds; it tells nobody who exists,
// for unknown names lock as known ones do (see decoys.go).
func (s *SignIns) SignIn(ctx context.Context, in PINSignIn) (SignedIn, error) {
	if err := in.check(); err != nil {
		return SignedIn{}, err
	}
	signedIn, err := s.signIn(ctx, in)
	return signedIn, s.recorded(ctx, in, err)
}

// Prove compares a PIN as SignIn does, with the same answers, and begins nothing. The key is evidence of it, for ten
// minutes, that ChangePIN takes: whoever changes a PIN without being signed in is told no more than at the door.
func (s *SignIns) Prove(ctx context.Context, in PINSignIn) (ledger.Key, error) {
	if err := in.check(); err != nil {
		return ledger.Key{}, err
	}
	p, err := s.prove(ctx, in)
	return p.key, s.recorded(ctx, in, err)
}

// recorded is how an attempt ended; one that was refused is in the record.
func (s *SignIns) recorded(ctx context.Context, in PINSignIn, err error) error {
	if err == nil || fault.Ours(err) {
		return err
	}
	e := in.Via.refused(actSignIn, in.Subject, err, map[string]string{audit.DetailLogin: in.Login, audit.DetailFactor: amrPIN})
	if recordErr := recordAlone(ctx, s.db, s.clock.Now(), e); recordErr != nil {
		return recordErr
	}
	return err
}

// proved is somebody whose PIN was right and who may act: since when it is the PIN, and the key of its comparison.
type proved struct {
	subject    Subject
	since      time.Time
	key        ledger.Key
	grant      Grant
	mustChange bool
}

func (s *SignIns) prove(ctx context.Context, in PINSignIn) (proved, error) {
	who, since, err := s.identity.comparable(ctx, in)
	if err != nil {
		return proved{}, err
	}
	key := ledger.Key{Scope: scopes[in.Kind] + who.ID.String(), Value: ids.New(s.clock.Now()).String()}
	if err := s.identity.Authenticate(ctx, key, s.identity.PIN(who, in.PIN)); err != nil {
		return proved{}, signInRefused(err)
	}
	if since.IsZero() { // a decoy's hash is nobody's PIN
		return proved{}, fault.New(fault.InvalidCredentials, "sign-in as nobody")
	}
	grant, status, err := s.standing(ctx, who)
	if err != nil {
		return proved{}, signInRefused(err)
	}
	return proved{subject: who, since: since, key: key, grant: grant, mustChange: status.MustChange}, nil
}

func (s *SignIns) signIn(ctx context.Context, in PINSignIn) (SignedIn, error) {
	p, err := s.prove(ctx, in)
	if err != nil {
		return SignedIn{}, err
	}
	return s.begin(ctx, opening{
		subject: p.subject, device: in.Device, aal: 1, amr: []string{amrPIN}, via: in.Via, grant: p.grant, mustChange: p.mustChange,
		first: func(ctx context.Context, tx *sql.Tx) error { return s.unchangedIn(ctx, tx, p.subject, p.since) },
	})
}

func (in PINSignIn) check() error {
	switch {
	case in.Kind != Customer && in.Kind != Operator, in.Subject.ID != uuid.Nil && in.Subject.Kind != in.Kind:
		return fault.New(fault.InvalidCredentials, "a %s does not sign in as %s with a PIN", in.Subject.Kind, in.Kind)
	case in.Login == "" || len(in.Login) > maxLogin:
		return fault.New(fault.InvalidCredentials, "a login of 1 to %d bytes", maxLogin)
	case len(in.Device) > maxDevice:
		return fault.New(fault.ValidationError, "long device id").Field("device_id", "is too long")
	case !wellFormedPIN(in.PIN.Reveal()):
		return fault.New(fault.ValidationError, "malformed PIN").Field("pin", "must have 4 to 6 digits")
	}
	return nil
}

// unchangedIn locks the PIN's row and refuses a sign-in whose PIN was changed or reset meanwhile: that ended all
// families, and must not miss this one.
func (s *SignIns) unchangedIn(ctx context.Context, tx *sql.Tx, who Subject, since time.Time) error {
	rows, err := s.store.lockCredentials(ctx, tx, []uuid.UUID{who.ID})
	if err != nil {
		return err
	}
	if len(rows) != 1 || !rows[0].ChangedAt.Equal(since) {
		return fault.New(fault.InvalidCredentials, "PIN of %s was changed meanwhile", who.ID)
	}
	return nil
}

// comparable is whose PIN a sign-in is compared with, the subject's or a decoy's, and since when it is the PIN; zero for a
// decoy's. Both ways run the same statements.
func (s *Service) comparable(ctx context.Context, in PINSignIn) (who Subject, since time.Time, err error) {
	decoy, err := decoyOf(s.keyring, in.Kind, in.Login)
	if err != nil {
		return Subject{}, time.Time{}, err
	}
	if err := s.ensureDecoy(ctx, decoy, s.clock.Now()); err != nil {
		return Subject{}, time.Time{}, err
	}
	who = in.Subject
	if who.ID == uuid.Nil {
		who = Subject{Kind: in.Kind, ID: decoy}
	}
	row, found, err := s.store.credential(ctx, s.db, who.ID)
	if err != nil {
		return Subject{}, time.Time{}, err
	}
	if !found || row.SubjectKind != in.Kind {
		return Subject{Kind: in.Kind, ID: decoy}, time.Time{}, nil
	}
	return who, row.ChangedAt, nil
}

// signInRefused words what the PIN's comparison refused: nothing but a lock is told.
func signInRefused(err error) error {
	f := fault.From(err)
	switch {
	case fault.Ours(err):
		return err
	case f.Code == fault.AccountLocked:
		locked := fault.Wrap(err, fault.AccountLocked, "sign-in refused")
		return locked.With("retry_after_seconds", f.Extra["retry_after_seconds"])
	}
	return fault.Wrap(err, fault.InvalidCredentials, "sign-in refused")
}

// standing is what somebody may do now. An issued PIN grants nothing until it is changed.
func (s *SignIns) standing(ctx context.Context, sub Subject) (Grant, Status, error) {
	grant, err := s.grants(ctx, sub)
	if err != nil || sub.Kind == Staff {
		return grant, Status{}, err
	}
	status, err := s.identity.Status(ctx, sub)
	if status.MustChange {
		grant = Grant{Name: grant.Name}
	}
	return grant, status, err
}

// opening is a family to begin.
type opening struct {
	subject    Subject
	device     string
	aal        int
	amr        []string
	via        Via
	grant      Grant
	mustChange bool
	// first locks the subject's row in the family's own transaction, and refuses what no longer holds.
	first func(ctx context.Context, tx *sql.Tx) error
}

// begin opens a family, in one transaction under the subject's lock, so that parallel sign-ins count.
func (s *SignIns) begin(ctx context.Context, o opening) (SignedIn, error) {
	now := s.clock.Now()
	f := family{
		ID: ids.New(now), Kind: o.subject.Kind, Subject: o.subject.ID, Channel: o.via.Channel, AAL: o.aal, AMR: joined(o.amr),
		CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(lives[o.subject.Kind].family),
	}
	refresh := newOpaque()
	var ended []uuid.UUID
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := o.first(ctx, tx); err != nil {
			return err
		}
		bound, err := s.store.liveDevice(ctx, tx, f.Subject, o.device)
		if err != nil {
			return err
		}
		if bound {
			f.Device = o.device
		}
		if err := s.store.insertFamily(ctx, tx, f); err != nil {
			return err
		}
		if ended, err = s.store.revokeExcess(ctx, tx, f.Subject, maxSignIns, now); err != nil {
			return err
		}
		if err := s.store.insertRefresh(ctx, tx, refresh, f, now); err != nil {
			return err
		}
		return audit.RecordIn(ctx, tx, now, o.via.done(actSignIn, o.subject, map[string]string{
			audit.DetailSession: f.ID.String(), audit.DetailFactor: f.AMR, audit.DetailAAL: strconv.Itoa(f.AAL),
			audit.DetailDevice: f.Device,
		}))
	})
	if err != nil {
		return SignedIn{}, err
	}
	s.tokens.revoked.note(ended...)
	return s.answer(f, o.grant, refresh, o.mustChange)
}

// answer makes the tokens of a family.
func (s *SignIns) answer(f family, grant Grant, refresh secret.Text, mustChange bool) (SignedIn, error) {
	token, err := s.tokens.issue(Principal{
		Kind: f.Kind, ID: f.Subject, Name: grant.Name, Scopes: grant.Scopes, Purposes: grant.Purposes, Roles: grant.Roles,
		AAL: f.AAL, AMR: words(f.AMR), Session: f.ID, Device: f.Device,
	}, s.tokens.life)
	if err != nil {
		return SignedIn{}, err
	}
	return SignedIn{
		Token: token, Subject: f.subject(), Grant: grant, Session: f.ID, Refresh: refresh,
		RefreshExpiresIn: refreshUntil(f, s.clock.Now()).Sub(s.clock.Now()), DeviceBound: f.Device != "", AAL: f.AAL,
		MustChange: mustChange,
	}, nil
}

// refreshUntil is when a refresh token made now ends: never after its family.
func refreshUntil(f family, now time.Time) time.Time {
	until := now.Add(lives[f.Kind].refresh)
	if until.After(f.ExpiresAt) {
		return f.ExpiresAt
	}
	return until
}

// newOpaque is a random token: it says nothing, and is looked up by its hash.
func newOpaque() secret.Text {
	random := make([]byte, refreshBytes)
	_, _ = rand.Read(random) // crypto/rand.Read never fails
	return secret.New(base64.RawURLEncoding.EncodeToString(random))
}

// opaqueHash is what of a token is kept: it is random, so nobody tries its values, and no key is needed.
func opaqueHash(token secret.Text) []byte {
	sum := sha256.Sum256([]byte(token.Reveal()))
	return sum[:]
}
