package identity_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/secret"
)

// counter is a post with step-ups and somebody signed in.
type counter struct {
	*post
	steps *identity.StepUps
	who   identity.Principal
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{post: newPost(t)}
	c.steps = identity.NewStepUps(identity.StepUpOptions{
		DB: c.db, Identity: c.identity, OTPs: c.otps, Tokens: c.tokens, Clock: c.clock,
	})
	c.who = c.verified(c.in().Access)
	return c
}

var sendFifty = identity.RequestHash("POST", "/v1/txns/p2p", []byte(`{"amount":"50.00"}`))

func (c *counter) challenge() identity.Challenge {
	c.t.Helper()
	challenge, err := c.steps.Challenge(c.t.Context(), c.who, sendFifty, "app")
	require.NoError(c.t, err)
	return challenge
}

// code is the otp_token of a challenge's code.
func (c *counter) code(challenge identity.Challenge) secret.Text {
	c.t.Helper()
	sent, err := c.steps.SendCode(c.t.Context(), c.who, challenge.ID, c.to, "en")
	require.NoError(c.t, err)
	token, err := c.verify(sent.Session, sent.Code)
	require.NoError(c.t, err)
	return token
}

func (c *counter) complete(challenge identity.Challenge, otp secret.Text) (identity.Token, error) {
	return c.steps.Complete(c.t.Context(), c.who, challenge.ID, otp, identity.Via{})
}

func (c *counter) steppedUp() identity.Principal {
	c.t.Helper()
	challenge := c.challenge()
	token, err := c.complete(challenge, c.code(challenge))
	require.NoError(c.t, err)
	return c.verified(token.Access)
}

func (c *counter) approval(challenge identity.Challenge, pin string) identity.Approval {
	return identity.Approval{
		Key: c.key(), Challenge: challenge.ID, Proof: c.identity.PIN(c.person, secret.New(pin)),
		Via: identity.Via{Channel: "ussd"},
	}
}

func TestASecondFactorIsGoodForItsRequestOnce(t *testing.T) {
	c := newCounter(t)
	err := c.steps.Require(t.Context(), c.who, sendFifty, "app")
	named, ok := refused(t, err, fault.MFARequired).Extra["challenge"].(string)
	require.True(t, ok)
	id, err := ids.Parse(ids.Challenge, named)
	require.NoError(t, err)
	challenge := identity.Challenge{ID: id}
	token, err := c.complete(challenge, c.code(challenge))
	require.NoError(t, err)
	require.Equal(t, 2*time.Minute, token.ExpiresIn)
	p := c.verified(token.Access)
	require.Equal(t, 2, p.AAL)
	require.Equal(t, []string{"pin", "otp", "sms", "mfa"}, p.AMR)
	require.Equal(t, c.who.Session, p.Session)
	require.Equal(t, c.who.Purposes, p.Purposes)

	other := identity.RequestHash("POST", "/v1/txns/p2p", []byte(`{"amount":"5000.00"}`))
	refused(t, c.steps.Spend(t.Context(), p, other), fault.MFARequired)
	require.NoError(t, c.steps.Require(t.Context(), p, sendFifty, "app"))
	again := c.steps.Require(t.Context(), p, sendFifty, "app")
	require.NotEqual(t, named, refused(t, again, fault.MFARequired).Extra["challenge"], "a second use is challenged anew")
	require.Contains(t, c.recorded(), "auth.step_up done")
}

func TestParallelSpendsAreOne(t *testing.T) {
	c := newCounter(t)
	p := c.steppedUp()
	counts := outcomes(atOnce(16, func(int) error { return c.steps.Spend(t.Context(), p, sendFifty) }))
	require.Equal(t, map[fault.Code]int{"": 1, fault.MFARequired: 15}, counts)
}

func TestASteppedUpTokenIsRefused(t *testing.T) {
	rows := map[string]func(p *identity.Principal){
		"of assurance 1":          func(p *identity.Principal) { p.AAL = 1 },
		"bound to nothing":        func(p *identity.Principal) { p.Bound = "" },
		"of another session":      func(p *identity.Principal) { p.Session = uuid.New() },
		"of another subject":      func(p *identity.Principal) { p.ID = uuid.New() },
		"that nobody was given":   func(p *identity.Principal) { p.Token = uuid.New() },
		"bound to something else": func(p *identity.Principal) { p.Bound = "00" },
	}
	c := newCounter(t)
	good := c.steppedUp()
	for name, edit := range rows {
		t.Run(name, func(t *testing.T) {
			p := good
			edit(&p)
			refused(t, c.steps.Spend(t.Context(), p, sendFifty), fault.MFARequired)
		})
	}
	require.NoError(t, c.steps.Spend(t.Context(), good, sendFifty), "none of them used it up")
}

func TestTheHandsetApprovesWhatAnAppAsked(t *testing.T) {
	c := newCounter(t)
	challenge := c.challenge()
	waiting, err := c.steps.Waiting(t.Context(), c.person)
	require.NoError(t, err)
	require.Equal(t, challenge.ID, waiting[0].ID)
	_, err = c.complete(challenge, secret.Text{})
	refused(t, err, fault.MFARequired)
	refused(t, c.steps.Approve(t.Context(), c.approval(challenge, wrongPIN)), fault.PINInvalid)
	_, err = c.complete(challenge, secret.Text{})
	refused(t, err, fault.MFARequired)
	approval := c.approval(challenge, rightPIN)
	for range 2 { // a hop that is delivered again
		require.NoError(t, c.steps.Approve(t.Context(), approval))
	}
	waiting, err = c.steps.Waiting(t.Context(), c.person)
	require.NoError(t, err)
	require.Empty(t, waiting)
	token, err := c.complete(challenge, secret.Text{})
	require.NoError(t, err)
	require.Equal(t, []string{"pin", "mfa"}, c.verified(token.Access).AMR)
	_, err = c.complete(challenge, secret.Text{})
	refused(t, err, fault.OTPExpired)
}

func TestAStepUpThatIsRefused(t *testing.T) {
	rows := []struct {
		name string
		do   func(c *counter) error
		code fault.Code
	}{
		{"asked by a handset, which has both factors in it", func(c *counter) error {
			_, err := c.steps.Challenge(c.t.Context(), c.who, sendFifty, "ussd")
			return err
		}, fault.CodeForbidden},
		{"asked by a system without a handset", func(c *counter) error {
			_, err := c.steps.Challenge(c.t.Context(), c.who, sendFifty, "api")
			return err
		}, fault.CodeForbidden},
		{"approved in the app that asked", func(c *counter) error {
			approval := c.approval(c.challenge(), rightPIN)
			approval.Via.Channel = "app"
			return c.steps.Approve(c.t.Context(), approval)
		}, fault.CodeForbidden},
		{"approved by somebody else", func(c *counter) error {
			approval := c.approval(c.challenge(), rightPIN)
			approval.Proof = c.identity.PIN(identity.Subject{Kind: identity.Customer, ID: uuid.New()}, secret.New(rightPIN))
			return c.steps.Approve(c.t.Context(), approval)
		}, fault.NotFound},
		{"approved too late", func(c *counter) error {
			challenge := c.challenge()
			c.clock.Advance(5 * time.Minute)
			return c.steps.Approve(c.t.Context(), c.approval(challenge, rightPIN))
		}, fault.OTPExpired},
		{"completed too late", func(c *counter) error {
			challenge := c.challenge()
			otp := c.code(challenge)
			c.clock.Advance(5 * time.Minute)
			_, err := c.complete(challenge, otp)
			return err
		}, fault.OTPExpired},
		{"completed in another session", func(c *counter) error {
			challenge := c.challenge()
			otp := c.code(challenge)
			c.who = c.verified(c.in().Access)
			_, err := c.complete(challenge, otp)
			return err
		}, fault.NotFound},
		{"a code of another request", func(c *counter) error {
			challenge := c.challenge()
			other, err := c.steps.Challenge(c.t.Context(), c.who, sha256.Sum256([]byte("other")), "app")
			require.NoError(c.t, err)
			_, err = c.complete(challenge, c.code(other))
			return err
		}, fault.OTPInvalid},
		{"a code that is none", func(c *counter) error {
			_, err := c.complete(c.challenge(), secret.New("none"))
			return err
		}, fault.OTPInvalid},
		{"a challenge that is none", func(c *counter) error {
			_, err := c.complete(identity.Challenge{ID: uuid.New()}, secret.New("none"))
			return err
		}, fault.NotFound},
		{"a code for somebody else's challenge", func(c *counter) error {
			challenge := c.challenge()
			c.who.ID = uuid.New()
			_, err := c.steps.SendCode(c.t.Context(), c.who, challenge.ID, c.to, "en")
			return err
		}, fault.NotFound},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := newCounter(t)
			refused(t, row.do(c), row.code)
			require.Zero(t, c.count(`select count(*) from step_ups where token_id is not null`))
		})
	}
}

func TestOneChallengeIsCompletedOnce(t *testing.T) {
	c := newCounter(t)
	challenge := c.challenge()
	require.NoError(t, c.steps.Approve(t.Context(), c.approval(challenge, rightPIN)))
	counts := outcomes(atOnce(8, func(int) error {
		_, err := c.complete(challenge, secret.Text{})
		return err
	}))
	require.Equal(t, map[fault.Code]int{"": 1, fault.OTPExpired: 7}, counts)
}

func TestFiveChallengesOfASessionAreOpen(t *testing.T) {
	c := newCounter(t)
	for range 9 {
		c.challenge()
		c.clock.Advance(time.Second)
	}
	require.Equal(t, 5, c.count(`select count(*) from step_ups`))
}

func TestTheRequestHashTellsItsPartsApart(t *testing.T) {
	require.NotEqual(t, identity.RequestHash("POST", "/a", []byte("b")), identity.RequestHash("POST", "/ab", nil))
	require.NotEqual(t, identity.RequestHash("POST", "/a", nil), identity.RequestHash("PUT", "/a", nil))
}
