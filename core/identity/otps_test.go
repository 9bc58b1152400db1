package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/outbox"
	"nova/core/secret"
)

// post is a door with codes.
type post struct {
	*door
	otps *identity.OTPs
	to   msisdn.MSISDN
}

func newPost(t *testing.T) *post {
	t.Helper()
	p := &post{door: newDoor(t)}
	var err error
	p.to, err = msisdn.FromNetwork("12462501001")
	require.NoError(t, err)
	p.otps = identity.NewOTPs(identity.OTPOptions{DB: p.db, Keyring: p.keyring, Clock: p.clock, Expose: true})
	return p
}

func (p *post) asks(purpose identity.OTPPurpose, object string) identity.OTPRequest {
	return identity.OTPRequest{Purpose: purpose, Subject: p.person, To: p.to, Language: "en", Object: object}
}

func (p *post) sent(r identity.OTPRequest) identity.OTPSent {
	p.t.Helper()
	sent, err := p.otps.Request(p.t.Context(), r)
	require.NoError(p.t, err)
	return sent
}

func (p *post) verify(session uuid.UUID, code secret.Text) (secret.Text, error) {
	verified, err := p.otps.Verify(p.t.Context(), session, code, identity.Via{})
	return verified.Token, err
}

// token is the otp_token of a fresh code.
func (p *post) token(purpose identity.OTPPurpose, object string) secret.Text {
	p.t.Helper()
	sent := p.sent(p.asks(purpose, object))
	token, err := p.verify(sent.Session, sent.Code)
	require.NoError(p.t, err)
	return token
}

// otherThan is another code.
func otherThan(code secret.Text) secret.Text {
	if code.Reveal() == "123456" {
		return secret.New("654321")
	}
	return secret.New("123456")
}

func TestACodeGoesOutSealedAndComesBackOnce(t *testing.T) {
	p := newPost(t)
	sent := p.sent(p.asks(identity.OTPDeviceBind, ""))
	require.Equal(t, 5*time.Minute, sent.ExpiresIn)
	require.Equal(t, time.Minute, sent.ResendAfter)
	require.Equal(t, "sms", sent.Channel)
	require.Len(t, sent.Code.Reveal(), 6)

	claimed, err := outbox.NewStore(p.db, p.clock).Claim(t.Context(), 10, time.Minute)
	require.NoError(t, err)
	require.Len(t, claimed, 1)
	require.Equal(t, "sms.otp.device_bind", claimed[0].Template)
	require.Equal(t, map[string]string{"minutes": "5"}, claimed[0].Args)
	plain, err := p.keyring.Field.Open(claimed[0].Sealed, outbox.SealedAAD(claimed[0].ID))
	require.NoError(t, err)
	require.Equal(t, sent.Code.Reveal(), string(plain))
	require.Zero(t, p.count(`select count(*) from otps where otps::text like '%' || $1 || '%'`, sent.Code.Reveal()))
	require.Zero(t, p.count(`select count(*) from otp_sends where otp_sends::text like '%12462501001%'`))

	token, err := p.verify(sent.Session, sent.Code)
	require.NoError(t, err)
	require.Zero(t, p.count(`select count(*) from otps where code_hash is not null`), "erased at use")
	require.Zero(t, p.count(`select count(*) from notices where sealed is not null`), "also where it waits to be sent")
	_, err = p.verify(sent.Session, sent.Code)
	refused(t, err, fault.OTPExpired)

	use := identity.OTPUse{Purpose: identity.OTPDeviceBind, Subject: p.person}
	require.NoError(t, p.otps.Use(t.Context(), token, use))
	refused(t, p.otps.Use(t.Context(), token, use), fault.OTPInvalid)
}

func TestCodesAreNotShownUnlessTheyAre(t *testing.T) {
	p := newPost(t)
	p.otps = identity.NewOTPs(identity.OTPOptions{DB: p.db, Keyring: p.keyring, Clock: p.clock})
	require.True(t, p.sent(p.asks(identity.OTPPINReset, "")).Code.IsZero())
}

func TestThreeWrongCodesEndOne(t *testing.T) {
	p := newPost(t)
	sent := p.sent(p.asks(identity.OTPPINReset, ""))
	for left := 2; left >= 0; left-- {
		_, err := p.verify(sent.Session, otherThan(sent.Code))
		require.Equal(t, left, refused(t, err, fault.OTPInvalid).Extra["attempts_left"])
	}
	_, err := p.verify(sent.Session, sent.Code)
	refused(t, err, fault.OTPExpired)
	require.Zero(t, p.count(`select count(*) from notices where sealed is not null`))
}

func TestParallelGuessesAtACodeNeverPassThree(t *testing.T) {
	p := newPost(t)
	sent := p.sent(p.asks(identity.OTPPINReset, ""))
	counts := outcomes(atOnce(20, func(int) error {
		_, err := p.verify(sent.Session, otherThan(sent.Code))
		return err
	}))
	require.Equal(t, map[fault.Code]int{fault.OTPInvalid: 3, fault.OTPExpired: 17}, counts)
}

func TestARightCodeInParallelIsRightOnce(t *testing.T) {
	p := newPost(t)
	sent := p.sent(p.asks(identity.OTPPINReset, ""))
	counts := outcomes(atOnce(8, func(int) error {
		_, err := p.verify(sent.Session, sent.Code)
		return err
	}))
	require.Equal(t, map[fault.Code]int{"": 1, fault.OTPExpired: 7}, counts)
}

func TestACodeIsRefused(t *testing.T) {
	rows := []struct {
		name string
		make func(p *post) (uuid.UUID, secret.Text)
		code fault.Code
	}{
		{"after five minutes", func(p *post) (uuid.UUID, secret.Text) {
			sent := p.sent(p.asks(identity.OTPPINReset, ""))
			p.clock.Advance(5 * time.Minute)
			return sent.Session, sent.Code
		}, fault.OTPExpired},
		{"that a newer one has replaced", func(p *post) (uuid.UUID, secret.Text) {
			sent := p.sent(p.asks(identity.OTPPINReset, ""))
			p.clock.Advance(time.Minute)
			p.sent(p.asks(identity.OTPPINReset, ""))
			return sent.Session, sent.Code
		}, fault.OTPExpired},
		{"of another session", func(p *post) (uuid.UUID, secret.Text) {
			return uuid.New(), p.sent(p.asks(identity.OTPPINReset, "")).Code
		}, fault.OTPExpired},
		{"of five digits", func(p *post) (uuid.UUID, secret.Text) {
			return p.sent(p.asks(identity.OTPPINReset, "")).Session, secret.New("12345")
		}, fault.ValidationError},
		{"with a letter", func(p *post) (uuid.UUID, secret.Text) {
			return p.sent(p.asks(identity.OTPPINReset, "")).Session, secret.New("12345x")
		}, fault.ValidationError},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := newPost(t)
			session, code := row.make(p)
			_, err := p.verify(session, code)
			refused(t, err, row.code)
			require.Zero(t, p.count(`select count(*) from otps where token_hash is not null or tries > 0`))
		})
	}
}

func TestCodesThatAreNotSent(t *testing.T) {
	rows := map[string]identity.OTPRequest{
		"for a purpose that is none":        {Purpose: "login"},
		"for a step-up of nothing":          {Purpose: identity.OTPStepUp},
		"for cash without a quote":          {Purpose: identity.OTPCashOut},
		"bound to more than a name or hash": {Purpose: identity.OTPCashOut, Object: strings.Repeat("q", 129)},
	}
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			p := newPost(t)
			r.Subject, r.To = p.person, p.to
			_, err := p.otps.Request(t.Context(), r)
			refused(t, err, fault.ValidationError)
			require.Zero(t, p.count(`select count(*) from otp_sends`))
		})
	}
}

func TestCodesAreSentNowAndThenOnly(t *testing.T) {
	p := newPost(t)
	reset := p.asks(identity.OTPPINReset, "")
	p.sent(reset)
	p.clock.Advance(20 * time.Second)
	_, err := p.otps.Request(t.Context(), reset)
	require.Equal(t, 40, refused(t, err, fault.RateLimitExceeded).Extra["retry_after_seconds"])
	for range 4 {
		p.clock.Advance(time.Minute)
		p.sent(reset)
	}
	p.clock.Advance(time.Minute)
	_, err = p.otps.Request(t.Context(), reset)
	require.Equal(t, 3600-20-5*60, refused(t, err, fault.RateLimitExceeded).Extra["retry_after_seconds"], "five an hour")
	for i := range 5 { // another purpose, until the number has had ten
		p.sent(p.asks(identity.OTPCashOut, fmt.Sprint("quote ", i)))
		p.clock.Advance(time.Minute)
	}
	_, err = p.otps.Request(t.Context(), p.asks(identity.OTPDeviceBind, ""))
	refused(t, err, fault.RateLimitExceeded)
	require.Equal(t, 10, p.count(`select count(*) from otps`), "a refusal sends nothing")
	p.clock.Advance(time.Hour)
	p.sent(reset)
}

func TestParallelRequestsSendOneCode(t *testing.T) {
	p := newPost(t)
	counts := outcomes(atOnce(12, func(int) error {
		_, err := p.otps.Request(t.Context(), p.asks(identity.OTPPINReset, ""))
		return err
	}))
	require.Equal(t, map[fault.Code]int{"": 1, fault.RateLimitExceeded: 11}, counts)
	require.Equal(t, 1, p.count(`select count(*) from notices`))
}

// A stranger who asks for codes to numbers learns nothing of who has an account.
func TestACodeForNobodyLooksLikeOne(t *testing.T) {
	p := newPost(t)
	r := p.asks(identity.OTPDeviceBind, "")
	r.Subject = identity.Subject{Kind: identity.Customer}
	sent := p.sent(r)
	require.Equal(t, 5*time.Minute, sent.ExpiresIn)
	_, err := p.otps.Request(t.Context(), r)
	refused(t, err, fault.RateLimitExceeded)
	require.Zero(t, p.count(`select count(*) from notices`), "and no SMS")
	_, err = p.verify(sent.Session, otherThan(sent.Code))
	require.Equal(t, 2, refused(t, err, fault.OTPInvalid).Extra["attempts_left"])
	token, err := p.verify(sent.Session, sent.Code)
	require.NoError(t, err)
	for _, sub := range []identity.Subject{p.person, r.Subject} {
		err := p.otps.Use(t.Context(), token, identity.OTPUse{Purpose: identity.OTPDeviceBind, Subject: sub})
		refused(t, err, fault.OTPInvalid)
	}
}

func TestAnOTPTokenIsGoodForOneThing(t *testing.T) {
	good := func(p *post) identity.OTPUse {
		return identity.OTPUse{Purpose: identity.OTPStepUp, Subject: p.person, Object: "hash"}
	}
	rows := []struct {
		name string
		edit func(p *post, use *identity.OTPUse, token *secret.Text)
		code fault.Code
	}{
		{"another purpose", func(_ *post, use *identity.OTPUse, _ *secret.Text) { use.Purpose = identity.OTPCashOut }, fault.OTPInvalid},
		{"another object", func(_ *post, use *identity.OTPUse, _ *secret.Text) { use.Object = "another" }, fault.OTPInvalid},
		{"no object", func(_ *post, use *identity.OTPUse, _ *secret.Text) { use.Object = "" }, fault.OTPInvalid},
		{"another subject", func(_ *post, use *identity.OTPUse, _ *secret.Text) { use.Subject.ID = ids.New(noon) }, fault.OTPInvalid},
		{"another kind", func(_ *post, use *identity.OTPUse, _ *secret.Text) { use.Subject.Kind = identity.Operator }, fault.OTPInvalid},
		{"no token", func(_ *post, _ *identity.OTPUse, token *secret.Text) { *token = secret.Text{} }, fault.OTPInvalid},
		{"another token", func(_ *post, _ *identity.OTPUse, token *secret.Text) { *token = secret.New("x") }, fault.OTPInvalid},
		{"too late", func(p *post, _ *identity.OTPUse, _ *secret.Text) { p.clock.Advance(10 * time.Minute) }, fault.OTPExpired},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			p := newPost(t)
			token := p.token(identity.OTPStepUp, "hash")
			use, shown := good(p), token
			row.edit(p, &use, &shown)
			refused(t, p.otps.Use(t.Context(), shown, use), row.code)
			require.Zero(t, p.count(`select count(*) from otps where spent_at is not null`))
		})
	}
	p := newPost(t)
	token := p.token(identity.OTPStepUp, "hash")
	counts := outcomes(atOnce(8, func(int) error { return p.otps.Use(t.Context(), token, good(p)) }))
	require.Equal(t, map[fault.Code]int{"": 1, fault.OTPInvalid: 7}, counts, "once, also in parallel")
}
