package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"maps"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"nova/core/audit"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
	"nova/sql"
)

// OTPPurpose is what a one-time code is good for, and nothing else.
type OTPPurpose string

// The purposes of codes.
const (
	OTPDeviceBind        OTPPurpose = "device_bind"
	OTPPINReset          OTPPurpose = "pin_reset"
	OTPStepUp            OTPPurpose = "step_up"
	OTPCashOut           OTPPurpose = "cashout"
	OTPPhoneVerification OTPPurpose = "phone_verification"
)

// otpPurposes tells which codes are for one thing only, which must then be named: a quote, a request.
var otpPurposes = map[OTPPurpose]struct{ needsObject bool }{
	OTPDeviceBind: {}, OTPPINReset: {}, OTPPhoneVerification: {},
	OTPStepUp: {needsObject: true}, OTPCashOut: {needsObject: true},
}

const (
	// OTPLife is how long a code is good for: an SMS arrives within a minute or two.
	OTPLife = 5 * time.Minute
	// OTPTokenLife is how long what a right code earns may wait to be used.
	OTPTokenLife = 10 * time.Minute
	// OTPTries is how often a code may be guessed at: 3 in a million.
	OTPTries = 3
	// OTPResendAfter is how long one waits for a second code.
	OTPResendAfter = time.Minute
	// otpDigits is what people type from an SMS without a mistake.
	otpDigits = 6
	// otpLabel keeps this use of the key apart from PINs.
	otpLabel = "otp"
	// otpSendLabel keeps this use of the key apart from documents.
	otpSendLabel = "otp send"
	// otpWindow is what codes are counted over. An hour of guessing is then 15 guesses at a purpose.
	otpWindow       = time.Hour
	maxOTPsAPurpose = 5
	maxOTPsANumber  = 10
	// maxOTPObject bounds what a code is bound to: a hash, an id.
	maxOTPObject = 128
)

// otpNotice is the template of a purpose's SMS: code (sealed), minutes; for a cash-out also agent, amount, fee and
// currency.
func otpNotice(p OTPPurpose) string { return "sms.otp." + string(p) }

// otpChannel is how codes are sent.
const otpChannel = "sms"

// OTPs sends one-time codes and knows them again. It is safe for concurrent use.
type OTPs struct {
	db      *sql.DB
	keyring *secret.Keyring
	clock   clock.Clock
	expose  bool
	store   store
}

// OTPOptions are what OTPs is made of. Expose gives codes to whoever asks for them, for demonstrations.
type OTPOptions struct {
	DB      *sql.DB
	Keyring *secret.Keyring
	Clock   clock.Clock
	Expose  bool
}

// NewOTPs joins the parts.
func NewOTPs(o OTPOptions) *OTPs {
	return &OTPs{db: o.DB, keyring: o.Keyring, clock: o.Clock, expose: o.Expose, store: newStore()}
}

// OTPRequest asks for a code. Subject is whom it is for, zero where nobody answers to the number that was given: then
// nothing is sent, and the asker can't tell. To is the number as we know it, never as the asker typed it. Object binds
// the code to one thing. Args are further arguments of the SMS.
type OTPRequest struct {
	Purpose  OTPPurpose
	Subject  Subject
	To       msisdn.MSISDN
	Language string
	Object   string
	Args     map[string]string
}

// OTPSent is a code on its way. Code is empty but where codes are exposed.
type OTPSent struct {
	Session     uuid.UUID
	ExpiresIn   time.Duration
	ResendAfter time.Duration
	Channel     string
	Code        secret.Text
}

// otp is a row of otps.
type otp struct {
	ID             uuid.UUID     `db:"id"`
	Purpose        OTPPurpose    `db:"purpose"`
	Kind           Kind          `db:"subject_kind"`
	Subject        uuid.NullUUID `db:"subject_id"`
	Object         string        `db:"object"`
	CodeHash       []byte        `db:"code_hash"`
	KeyVersion     int           `db:"key_version"`
	Tries          int           `db:"tries"`
	Notice         uuid.NullUUID `db:"notice_id"`
	ExpiresAt      time.Time     `db:"expires_at"`
	TokenExpiresAt *time.Time    `db:"token_expires_at"`
	SpentAt        *time.Time    `db:"spent_at"`
}

// Request sends a code by SMS, and ends the one before it for the same purpose. Too many for one number, one purpose or
// one subject are a RATE_LIMIT_EXCEEDED with retry_after_seconds: counted in PostgreSQL, also in parallel.
func (o *OTPs) Request(ctx context.Context, r OTPRequest) (OTPSent, error) {
	if err := r.check(); err != nil {
		return OTPSent{}, err
	}
	code, err := newOTPCode()
	if err != nil {
		return OTPSent{}, err
	}
	now := o.clock.Now()
	row := otp{
		ID: ids.New(now), Purpose: r.Purpose, Kind: r.Subject.Kind, Object: r.Object, ExpiresAt: now.Add(OTPLife),
		KeyVersion: o.keyring.PINPepper.Current(),
		Subject:    uuid.NullUUID{UUID: r.Subject.ID, Valid: r.Subject.ID != uuid.Nil},
		Notice:     uuid.NullUUID{UUID: ids.New(now), Valid: r.Subject.ID != uuid.Nil},
	}
	if row.CodeHash, err = o.hash(row, code); err != nil {
		return OTPSent{}, err
	}
	notice, err := o.notice(r, row, code)
	if err != nil {
		return OTPSent{}, err
	}
	err = o.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return o.sendIn(ctx, tx, r, row, notice)
	})
	if err != nil {
		return OTPSent{}, err
	}
	sent := OTPSent{Session: row.ID, ExpiresIn: OTPLife, ResendAfter: OTPResendAfter, Channel: otpChannel}
	if o.expose {
		sent.Code = code
	}
	return sent, nil
}

func (r OTPRequest) check() error {
	purpose, known := otpPurposes[r.Purpose]
	switch {
	case !known:
		return fault.New(fault.ValidationError, "purpose %.32q of a code", r.Purpose).Field("purpose", "is not known")
	case purpose.needsObject && r.Object == "":
		return fault.New(fault.ValidationError, "a code for %s that is bound to nothing", r.Purpose).
			Field("purpose", "needs what the code is for")
	case len(r.Object) > maxOTPObject:
		return fault.New(fault.ValidationError, "a code bound to %d bytes", len(r.Object)).Field("object", "is too long")
	}
	return nil
}

func (o *OTPs) sendIn(ctx context.Context, tx *sql.Tx, r OTPRequest, row otp, notice outbox.Notice) error {
	now := o.clock.Now()
	if err := o.countIn(ctx, tx, r, now); err != nil {
		return err
	}
	ended, err := o.store.endOTPs(ctx, tx, r.Subject.ID, r.Purpose)
	if err != nil {
		return err
	}
	if err := outbox.WithdrawIn(ctx, tx, ended...); err != nil {
		return err
	}
	if err := o.store.insertOTP(ctx, tx, row, now); err != nil {
		return err
	}
	if !row.Subject.Valid {
		return nil
	}
	return outbox.EnqueueIn(ctx, tx, []outbox.Notice{notice}, now)
}

// notice is the code's SMS. The code stands in it sealed, and goes when it is sent or withdrawn.
func (o *OTPs) notice(r OTPRequest, row otp, code secret.Text) (outbox.Notice, error) {
	args := map[string]string{"minutes": strconv.Itoa(int(OTPLife / time.Minute))}
	maps.Copy(args, r.Args)
	n := outbox.Notice{
		ID: row.Notice.UUID, Template: otpNotice(r.Purpose), To: r.To, Language: r.Language, Args: args,
		Dedupe: "otp:" + row.ID.String(),
	}
	var err error
	if n.Sealed, err = o.keyring.Field.Seal([]byte(code.Reveal()), outbox.SealedAAD(n.ID)); err != nil {
		return n, fmt.Errorf("seal code for its notice: %w", err)
	}
	return n, nil
}

// newOTPCode draws six digits, each as likely as any other.
func newOTPCode() (secret.Text, error) {
	most := new(big.Int).Exp(big.NewInt(10), big.NewInt(otpDigits), nil)
	n, err := rand.Int(rand.Reader, most)
	if err != nil {
		return secret.Text{}, fmt.Errorf("draw a code: %w", err)
	}
	return secret.New(fmt.Sprintf("%0*d", otpDigits, n)), nil
}

func (o *OTPs) hash(row otp, code secret.Text) ([]byte, error) {
	sum, err := o.keyring.PINPepper.Sum(row.KeyVersion, []byte(otpLabel), row.ID[:], []byte(code.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("hash code: %w", err)
	}
	return sum[:], nil
}

// OTPVerified is what a right code earns: a token that is good once, for the code's purpose, subject and object.
type OTPVerified struct {
	Token     secret.Text
	ExpiresIn time.Duration
}

// Verify compares a code under its row's lock, so that parallel guesses count one by one. A wrong one is an OTP_INVALID
// with attempts_left; after the third, and for a code that is over, used, replaced or was never sent, the answer is
// OTP_EXPIRED.
func (o *OTPs) Verify(ctx context.Context, session uuid.UUID, code secret.Text, via Via) (OTPVerified, error) {
	if text := code.Reveal(); len(text) != otpDigits || strings.Trim(text, "0123456789") != "" {
		return OTPVerified{}, fault.New(fault.ValidationError, "malformed code").Field("code", "must have 6 digits")
	}
	token := newOpaque()
	var refusal error
	err := o.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		refusal = nil // InTx may run this again
		row, found, err := o.store.lockOTP(ctx, tx, session)
		if err != nil {
			return err
		}
		now := o.clock.Now()
		if !found || len(row.CodeHash) == 0 || !now.Before(row.ExpiresAt) {
			refusal = fault.New(fault.OTPExpired, "code %s is over", session)
			return nil
		}
		hash, err := o.hash(row, code)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare(hash, row.CodeHash) != 1 {
			refusal = fault.New(fault.OTPInvalid, "wrong code %s", session).With("attempts_left", OTPTries-row.Tries-1)
			return o.wrongIn(ctx, tx, row, via)
		}
		return o.rightIn(ctx, tx, row, token)
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return OTPVerified{}, err
	}
	return OTPVerified{Token: token, ExpiresIn: OTPTokenLife}, nil
}

// wrongIn counts a guess. The last one ends the code, and its SMS where that still waits.
func (o *OTPs) wrongIn(ctx context.Context, tx *sql.Tx, row otp, via Via) error {
	err := o.store.wrongOTP(ctx, tx, row.ID, OTPTries)
	if err != nil || row.Tries+1 < OTPTries {
		return err
	}
	if err := o.withdrawIn(ctx, tx, row); err != nil {
		return err
	}
	exhausted := fault.New(fault.OTPInvalid, "code %s is exhausted", row.ID)
	return audit.RecordIn(ctx, tx, o.clock.Now(), via.refused(actOTPExhausted, row.subject(), exhausted,
		map[string]string{audit.DetailKind: string(row.Purpose)}))
}

func (o *OTPs) withdrawIn(ctx context.Context, tx *sql.Tx, row otp) error {
	if !row.Notice.Valid {
		return nil
	}
	return outbox.WithdrawIn(ctx, tx, row.Notice.UUID)
}

func (row otp) subject() Subject { return Subject{Kind: row.Kind, ID: row.Subject.UUID} }

// rightIn turns a code into its token. Its notice has been read, or need not be sent any more.
func (o *OTPs) rightIn(ctx context.Context, tx *sql.Tx, row otp, token secret.Text) error {
	now := o.clock.Now()
	if err := o.store.verifyOTP(ctx, tx, row.ID, token, now); err != nil {
		return err
	}
	return o.withdrawIn(ctx, tx, row)
}

// OTPUse is what an otp_token is to be good for.
type OTPUse struct {
	Purpose OTPPurpose
	Subject Subject
	// Object must be what the code was bound to; a code that was bound to nothing is good for any.
	Object string
}

// UseIn takes an otp_token in the caller's transaction, once. A token of another purpose, subject or object, one that
// was used and one that is none are an OTP_INVALID on the field otp_token; one that waited too long is an OTP_EXPIRED.
func (o *OTPs) UseIn(ctx context.Context, tx *sql.Tx, token secret.Text, use OTPUse) error {
	invalid := fault.New(fault.OTPInvalid, "otp_token for %s", use.Purpose).Field("otp_token", "is not valid")
	if text := token.Reveal(); text == "" || len(text) > maxRefresh || use.Subject.ID == uuid.Nil {
		return invalid
	}
	row, found, err := o.store.lockOTPOfToken(ctx, tx, token)
	if err != nil {
		return err
	}
	switch {
	case !found, row.SpentAt != nil, row.Purpose != use.Purpose,
		row.subject() != use.Subject,
		row.Object != "" && row.Object != use.Object:
		return invalid
	case row.TokenExpiresAt == nil, !o.clock.Now().Before(*row.TokenExpiresAt):
		return fault.New(fault.OTPExpired, "otp_token for %s is over", use.Purpose)
	}
	return o.store.spendOTP(ctx, tx, row.ID, o.clock.Now())
}

// Use is UseIn in a transaction of its own.
func (o *OTPs) Use(ctx context.Context, token secret.Text, use OTPUse) error {
	return o.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return o.UseIn(ctx, tx, token, use) })
}
