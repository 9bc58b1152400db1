package rest_test

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web/httpsig"
	"nova/core/agents"
	"nova/core/clock"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/payments"
	"nova/core/policy"
	"nova/core/secret"
	"nova/core/transactions"
)

// The people whose apps call.
var (
	marciasID  = uuid.MustParse("01900000-0000-7000-8000-00000000d001")
	andresID   = uuid.MustParse("01900000-0000-7000-8000-00000000d002")
	clerk      = uuid.MustParse("01900000-0000-7000-8000-00000000d011")
	oistins    = uuid.MustParse("01900000-0000-7000-8000-00000000d021")
	anOutlet   = uuid.MustParse("01900000-0000-7000-8000-00000000d031")
	aSession   = uuid.MustParse("01900000-0000-7000-8000-00000000d041")
	aCode      = uuid.MustParse("01900000-0000-7000-8000-00000000d051")
	aChallenge = uuid.MustParse("01900000-0000-7000-8000-00000000d061")
	aPayment   = uuid.MustParse("01900000-0000-7000-8000-00000000d071")
)

const (
	marciasNumber, marciasPIN, aDevice = "12462501001", "1357", "7d0f6a52-phone"

	goodOTP, goodOTPToken, goodRefresh, usedRefresh = "482913", "otp-token", "refresh-1", "refresh-0"
)

// deviceKey is the key of everybody's phone: a fixed one, so that answers do not change.
var deviceKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

// people are the tokens of apps, by name: whose, and of which device.
var people = map[string]identity.Principal{
	"marcia":         {Kind: identity.Customer, ID: marciasID, Device: aDevice},
	"marcia-unbound": {Kind: identity.Customer, ID: marciasID},
	"andre":          {Kind: identity.Customer, ID: andresID, Device: aDevice},
	"clerk":          {Kind: identity.Operator, ID: clerk, Device: aDevice, Roles: []string{"cashier"}},
}

// personOf is whom an app's token names.
func personOf(token string) (identity.Principal, bool) {
	p, known := people[token]
	p.AAL, p.Session, p.Scopes = 1, aSession, rest.PersonScopes()
	for _, purpose := range policy.Purposes() {
		p.Purposes = append(p.Purposes, string(purpose))
	}
	return p, known
}

// judge asks the policies that Nova ships about clients and people, with 100.00 as a large amount. Staff's tokens here have
// no roles: what theirs may do is tried on whole servers.
type judge struct{ *policy.Decider }

func (j judge) Decide(ctx context.Context, r policy.Request) policy.Decision {
	if r.Caller.Kind == identity.Staff {
		return policy.Decision{Allowed: true, Policy: "staff"}
	}
	return j.Decider.Decide(ctx, r)
}

func builtIn(t *testing.T, c clock.Clock) judge {
	t.Helper()
	d, err := policy.NewDecider(policy.Options{Files: os.DirFS("../../configs/policies"), Clock: c, LargeAbove: money.Of(100_00, money.BBD)})
	require.NoError(t, err)
	return judge{d}
}

// sign signs a request as the phone does.
func sign(t *testing.T, req *http.Request, body string) {
	t.Helper()
	req.Header.Set("Content-Digest", httpsig.Digest([]byte(body)))
	input, signature, err := httpsig.Sign(httpsig.Request{
		Method: req.Method, TargetURI: "http://" + httptest.DefaultRemoteAddr + req.URL.Path, Body: []byte(body),
		Header: func(name string) []string { return req.Header.Values(name) },
	}, httpsig.Signing{Key: deviceKey, KeyID: aDevice, Components: httpsig.Device, Created: now})
	require.NoError(t, err)
	req.Host = httptest.DefaultRemoteAddr
	req.Header.Set("Signature-Input", input)
	req.Header.Set("Signature", signature)
}

// fakeApps knows two customers and a clerk.
type fakeApps struct{ books *books }

func (f *fakeApps) parts() rest.Apps {
	return rest.Apps{
		SignIns: f, OTPs: fakeOTPs{}, Devices: fakeDevices{}, StepUps: fakeStepUps{}, Proofs: fakeProofs{}, Tokens: fakePersonTokens{},
		People: fakePeople{}, Workers: fakeWorkers{}, Errands: &fakeErrands{books: f.books, seen: map[string]bool{}}, Lookups: f, Region: "BB",
	}
}

func (f *fakeApps) Allow(context.Context, msisdn.MSISDN) error { return nil }

func (f *fakeApps) Prove(_ context.Context, in identity.PINSignIn) (ledger.Key, error) {
	switch {
	case in.PIN.Equal(secret.New("9999")):
		return ledger.Key{}, fault.New(fault.AccountLocked, "").With("retry_after_seconds", 3600)
	case in.Subject.ID == uuid.Nil || !in.PIN.Equal(secret.New(marciasPIN)):
		return ledger.Key{}, fault.New(fault.InvalidCredentials, "")
	}
	return ledger.Key{Scope: in.Subject.Scope(), Operation: "pin", Value: "1"}, nil
}

func appSignedIn(sub identity.Subject) identity.SignedIn {
	return identity.SignedIn{
		Token: identity.Token{Access: secret.New("access-1"), ExpiresIn: 10 * time.Minute}, Subject: sub, Session: aSession,
		Refresh: secret.New("refresh-2"), RefreshExpiresIn: 168 * time.Hour, AAL: 1,
	}
}

func (f *fakeApps) SignIn(ctx context.Context, in identity.PINSignIn) (identity.SignedIn, error) {
	if _, err := f.Prove(ctx, in); err != nil {
		return identity.SignedIn{}, err
	}
	s := appSignedIn(in.Subject)
	s.DeviceBound = in.Device == aDevice
	return s, nil
}

func (f *fakeApps) Refresh(_ context.Context, kind identity.Kind, token secret.Text, _ identity.Via) (identity.SignedIn, error) {
	switch token.Reveal() {
	case goodRefresh:
		return appSignedIn(identity.Subject{Kind: kind, ID: map[identity.Kind]uuid.UUID{identity.Customer: marciasID, identity.Operator: clerk}[kind]}), nil
	case usedRefresh:
		return identity.SignedIn{}, fault.New(fault.TokenReused, "")
	}
	return identity.SignedIn{}, fault.New(fault.Unauthorized, "")
}

func (f *fakeApps) Logout(context.Context, identity.Kind, secret.Text, identity.Via) error {
	return nil
}

func (f *fakeApps) List(context.Context, identity.Subject) ([]identity.SignedInDevice, error) {
	one := identity.SignedInDevice{
		Session: aSession, Device: aDevice, Channel: "app", AAL: 1, CreatedAt: now, UsedAt: now, ExpiresAt: now.Add(24 * time.Hour),
	}
	two := one
	two.Session, two.Device = nth(aSession, 1), ""
	return []identity.SignedInDevice{one, two}, nil
}

func (f *fakeApps) End(_ context.Context, _ identity.Subject, session uuid.UUID, _ identity.Via) error {
	if session != aSession {
		return fault.New(fault.NotFound, "")
	}
	return nil
}

type fakeOTPs struct{}

func (fakeOTPs) Request(_ context.Context, r identity.OTPRequest) (identity.OTPSent, error) {
	if r.Subject.ID == andresID {
		return identity.OTPSent{}, fault.New(fault.RateLimitExceeded, "").With("retry_after_seconds", 60)
	}
	return identity.OTPSent{Session: aCode, ExpiresIn: identity.OTPLife, ResendAfter: identity.OTPResendAfter, Channel: "sms"}, nil
}

func (fakeOTPs) Verify(_ context.Context, session uuid.UUID, code secret.Text, _ identity.Via) (identity.OTPVerified, error) {
	switch {
	case session != aCode:
		return identity.OTPVerified{}, fault.New(fault.OTPExpired, "")
	case !code.Equal(secret.New(goodOTP)):
		return identity.OTPVerified{}, fault.New(fault.OTPInvalid, "").With("attempts_left", 2)
	}
	return identity.OTPVerified{Token: secret.New(goodOTPToken), ExpiresIn: identity.OTPTokenLife}, nil
}

func (fakeOTPs) Use(_ context.Context, token secret.Text, _ identity.OTPUse) error {
	if !token.Equal(secret.New(goodOTPToken)) {
		return fault.New(fault.OTPInvalid, "").Field("otp_token", "is not valid")
	}
	return nil
}

// fakeDevices are what the house asks about keys, and the API about devices.
type fakeDevices struct{}

func (fakeDevices) DeviceKey(context.Context, identity.Subject, string) (crypto.PublicKey, time.Time, error) {
	return deviceKey.Public(), now.Add(-48 * time.Hour), nil
}

func (fakeDevices) New(boundAt time.Time) bool { return now.Sub(boundAt) < 24*time.Hour }

func (d fakeDevices) Bind(ctx context.Context, n identity.NewDevice) (identity.Device, error) {
	if err := (fakeOTPs{}).Use(ctx, n.OTP, identity.OTPUse{}); err != nil {
		return identity.Device{}, err
	}
	if string(n.Key) != `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}` {
		return identity.Device{}, fault.New(fault.DuplicateEntity, "").Field("public_key", "is somebody's")
	}
	bound, err := d.List(ctx, n.Subject)
	return bound[0], err
}

func (fakeDevices) List(context.Context, identity.Subject) ([]identity.Device, error) {
	return []identity.Device{{
		ID: aDeviceID, Device: aDevice, Platform: "android", Model: "Pixel 8", Thumbprint: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		BoundAt: now, New: true,
	}}, nil
}

var aDeviceID = uuid.MustParse("01900000-0000-7000-8000-00000000d081")

func (fakeDevices) Unbind(_ context.Context, _ identity.Subject, device string, _ identity.Via) error {
	if device != aDevice {
		return fault.New(fault.NotFound, "")
	}
	return nil
}

type fakeStepUps struct{}

func (fakeStepUps) Require(context.Context, identity.Principal, [sha256.Size]byte, string) error {
	return fault.New(fault.MFARequired, "").With("challenge", ids.Format(ids.Challenge, aChallenge))
}

func (fakeStepUps) SendCode(ctx context.Context, p identity.Principal, challenge uuid.UUID, _ msisdn.MSISDN, _ string) (identity.OTPSent, error) {
	if challenge != aChallenge {
		return identity.OTPSent{}, fault.New(fault.NotFound, "")
	}
	sent, err := (fakeOTPs{}).Request(ctx, identity.OTPRequest{Subject: identity.Subject{Kind: p.Kind}})
	sent.Code = secret.New(goodOTP)
	return sent, err
}

func (fakeStepUps) Complete(ctx context.Context, p identity.Principal, challenge uuid.UUID, otp secret.Text, _ identity.Via) (identity.Token, error) {
	switch {
	case challenge != aChallenge:
		return identity.Token{}, fault.New(fault.NotFound, "")
	case otp.IsZero():
		return identity.Token{}, (fakeStepUps{}).Require(ctx, p, [sha256.Size]byte{}, "")
	}
	return identity.Token{Access: secret.New("access-2"), ExpiresIn: 2 * time.Minute}, (fakeOTPs{}).Use(ctx, otp, identity.OTPUse{})
}

type fakeProofs struct{}

func (fakeProofs) PIN(sub identity.Subject, pin secret.Text) identity.Proof {
	return (*identity.Service)(nil).PIN(sub, pin)
}

func (fakeProofs) Signature(sub identity.Subject) identity.Proof {
	return (*identity.Service)(nil).Signature(sub)
}

func (fakeProofs) Status(context.Context, identity.Subject) (identity.Status, error) {
	return identity.Status{HasPIN: true, TriesLeft: 3}, nil
}

type fakePersonTokens struct{}

func (fakePersonTokens) Verify(_ context.Context, token secret.Text) (identity.Principal, error) {
	p, known := personOf(token.Reveal())
	if !known {
		return p, fault.New(fault.Unauthorized, "")
	}
	return p, nil
}

func (fakePersonTokens) JWKS() identity.KeySet {
	return identity.KeySet{Keys: []identity.PublicKey{{
		KeyType: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(deviceKey[32:]), KeyID: "1", Use: "sig", Algorithm: "EdDSA",
	}}}
}

type fakePeople struct{}

func (fakePeople) ByID(_ context.Context, id uuid.UUID) (customers.Customer, error) {
	c := customers.Customer{ID: id, Tier: 1, Status: customers.Active, KYCStatus: "approved", Language: "en"}
	switch id {
	case marciasID:
		c.FirstName, c.LastName, c.Wallet = "Marcia", "Brathwaite", marcia
		c.MSISDN, _ = msisdn.FromNetwork(marciasNumber) // a constant that is one
	case andresID:
		c.FirstName, c.LastName, c.Wallet = "Andre", "Clarke", andre
		c.MSISDN, _ = msisdn.FromNetwork("12462501002") // a constant that is one
	default:
		return customers.Customer{}, fault.New(fault.CustomerNotFound, "")
	}
	return c, nil
}

func (f fakePeople) ByMSISDN(ctx context.Context, m msisdn.MSISDN) (customers.Customer, error) {
	return f.ByID(ctx, map[string]uuid.UUID{marciasNumber: marciasID, "12462501002": andresID}[m.Digits()])
}

func (fakePeople) ChangePIN(_ context.Context, _ ledger.Key, _ uuid.UUID, _ ledger.Key, pin secret.Text) error {
	if pin.Equal(secret.New(marciasPIN)) {
		return fault.New(fault.ValidationError, "").Field("pin", identity.PINInUse)
	}
	return nil
}

func (fakePeople) ConfirmIdentity(_ context.Context, _ ledger.Key, _ uuid.UUID, year int, _ string) error {
	if year != 1985 {
		return fault.New(fault.PINInvalid, "").With("attempts_left", 2)
	}
	return nil
}

func (fakePeople) SetFirstPIN(context.Context, ledger.Key, uuid.UUID, ledger.Key, secret.Text) error {
	return nil
}

type fakeWorkers struct{}

func (fakeWorkers) agent() agents.Agent {
	return agents.Agent{
		ID: oistins, Code: "100011", Type: agents.Ordinary, LegalName: "Oistins Ltd", TradingName: "Oistins Corner Shop", Status: agents.Active,
		Parent: nth(oistins, 1),
	}
}

func (f fakeWorkers) OperatorByID(_ context.Context, id uuid.UUID) (agents.Operator, error) {
	if id != clerk {
		return agents.Operator{}, fault.New(fault.NotFound, "")
	}
	number, err := msisdn.FromNetwork("12462500011")
	return agents.Operator{
		ID: clerk, MSISDN: number, Name: "Joy B.", Role: agents.Cashier, Language: "en", Status: agents.Active, Agent: f.agent(),
		Outlet: agents.Outlet{ID: anOutlet, Agent: oistins},
	}, err
}

func (f fakeWorkers) OperatorByMSISDN(ctx context.Context, m msisdn.MSISDN) (agents.Operator, error) {
	if m.Digits() != "12462500011" {
		return agents.Operator{}, fault.New(fault.NotFound, "")
	}
	return f.OperatorByID(ctx, clerk)
}

func (f fakeWorkers) AgentByCode(_ context.Context, code string) (agents.Agent, error) {
	if code != "100011" {
		return agents.Agent{}, fault.New(fault.NotFound, "")
	}
	return f.agent(), nil
}

func (f fakeWorkers) AgentByID(_ context.Context, id uuid.UUID) (agents.Agent, error) {
	if id != oistins {
		return agents.Agent{}, fault.New(fault.NotFound, "")
	}
	return f.agent(), nil
}

func (f fakeWorkers) StaffedByID(ctx context.Context, id uuid.UUID) (agents.Staffed, error) {
	a, err := f.AgentByID(ctx, id)
	if err != nil {
		return agents.Staffed{}, err
	}
	o, err := f.OperatorByID(ctx, clerk)
	return agents.Staffed{Agent: a, Operators: []agents.Operator{o}}, err
}

func (fakeWorkers) ChangePIN(context.Context, ledger.Key, uuid.UUID, ledger.Key, secret.Text) error {
	return nil
}

// fakeErrands moves nothing and says that it did, once for a key.
type fakeErrands struct {
	books *books
	seen  map[string]bool
}

func (f *fakeErrands) done(o payments.Order, typ transactions.Type, amount money.Amount) payments.Receipt {
	replayed := f.seen[o.Key.Value]
	f.seen[o.Key.Value] = true
	nothing := money.Of(0, amount.Currency)
	f.books.facts[aPayment] = transactions.Transaction{
		ID: aPayment, Intent: o.Intent, Receipt: "7K3M9Q", Type: typ, Status: transactions.Reversed, Amount: amount, Fee: nothing, Tax: nothing,
		Commission: nothing, From: transactions.Party{Account: marcia, Owner: marciasID, Name: "Marcia B."},
		To: transactions.Party{Account: andre, Owner: andresID, Name: "Andre C."}, Channel: o.Channel, CreatedAt: now, PostedAt: now,
		ReversedBy: nth(aPayment, 1),
	}
	return payments.Receipt{Transaction: aPayment, Replayed: replayed}
}

func (f *fakeErrands) Send(_ context.Context, o payments.SendOrder) (payments.Receipt, error) {
	switch {
	case o.From == o.To:
		return payments.Receipt{}, fault.New(fault.SameParties, "").Field("to", "is the payer")
	case o.Proof.Check() != nil && !o.Proof.Check().Secret.Equal(secret.New(marciasPIN)):
		return payments.Receipt{}, fault.New(fault.PINInvalid, "").With("attempts_left", 2)
	case o.Amount.Minor > 90_00:
		return payments.Receipt{}, fault.New(fault.InsufficientFunds, "")
	}
	return f.done(o.Order, transactions.P2P, o.Amount), nil
}

func (f *fakeErrands) CashIn(_ context.Context, o payments.CashInOrder) (payments.Receipt, error) {
	return f.done(o.Order, transactions.CashIn, o.Amount), nil
}
