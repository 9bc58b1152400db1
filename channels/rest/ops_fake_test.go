package rest_test

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/channels/rest"
	"nova/core/agents"
	"nova/core/audit"
	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/core/transactions"
)

// Who works here in the golden files, and what they manage.
var (
	ada     = uuid.MustParse("01900000-0000-7000-8000-00000000d001")
	ben     = uuid.MustParse("01900000-0000-7000-8000-00000000d002")
	kofi    = uuid.MustParse("01900000-0000-7000-8000-00000000e001")
	shop    = uuid.MustParse("01900000-0000-7000-8000-00000000e002")
	anEvent = uuid.MustParse("01900000-0000-7000-8000-00000000e003")
	greater = uuid.MustParse("01900000-0000-7000-8000-00000000c003")
)

// What staff send in the golden files and no log line shows.
const (
	canaryPassword = "canary horse battery"
	canaryCode     = "660912"
)

// fakeOps words what its parts would answer; what they decide is decided in core, whose own tests say so, and cmd/nova walks
// the real ones.
type fakeOps struct{}

func opsOf() rest.Ops {
	f := fakeOps{}
	return rest.Ops{
		Clients: fakeClients{}, Staff: fakeStaff{}, SignIns: f, Customers: fakeCustomers{}, PINs: f, Agents: fakeAgents{},
		Record: f, Proof: f, Recorder: f, Region: "BB",
	}
}

type fakeClients struct{}

func apiClient(id uuid.UUID) identity.APIClient {
	c := identity.APIClient{
		ID: id, Name: "billing", Scopes: []string{"wallets.read"}, Purposes: []string{"customer.account.view"}, Active: true,
		CreatedAt: now, LastUsedAt: now,
	}
	if id == greater {
		c.Name, c.Scopes = "greater", []string{"wallets.read", "ops.audit"}
	}
	return c
}

func (fakeClients) Create(_ context.Context, n identity.NewClient) (identity.APIClient, secret.Text, error) {
	if n.Name == "demo" {
		return identity.APIClient{}, secret.Text{}, fault.New(fault.DuplicateEntity, "").Field("name", "is taken")
	}
	c := apiClient(otherClient)
	c.Name, c.Scopes, c.Purposes = n.Name, n.Scopes, n.Purposes
	return c, secret.New(canarySecret), nil
}

func (fakeClients) ByID(_ context.Context, id uuid.UUID) (identity.APIClient, error) {
	if id != otherClient && id != greater {
		return identity.APIClient{}, fault.New(fault.NotFound, "no client %s", id)
	}
	return apiClient(id), nil
}

func (fakeClients) List(_ context.Context, after string, most int) ([]identity.APIClient, bool, error) {
	all := []identity.APIClient{apiClient(otherClient), apiClient(greater)}
	if after == "billing" {
		all = all[1:]
	}
	return all[:min(most, len(all))], most < len(all), nil
}

func (f fakeClients) Rotate(ctx context.Context, id uuid.UUID, _ identity.Via) (identity.APIClient, secret.Text, error) {
	c, err := f.ByID(ctx, id)
	c.RotatedAt, c.PreviousUntil = now, now.Add(identity.ClientSecretGrace)
	return c, secret.New(canarySecret), err
}

func (f fakeClients) Revoke(ctx context.Context, id uuid.UUID, _ identity.Via) error {
	_, err := f.ByID(ctx, id)
	return err
}

type fakeStaff struct{ rest.Staffing }

func someone(id uuid.UUID) identity.Member {
	m := identity.Member{
		ID: id, Email: "ada@example.com", Name: "Ada Alleyne", Roles: []identity.Role{identity.Admin}, Active: true, HasTOTP: true,
		CreatedAt: now, UpdatedAt: now,
	}
	if id == ben {
		m.Email, m.Name, m.Roles, m.LockedUntil = "ben@example.com", "Ben Boyce", []identity.Role{identity.Support}, now.Add(time.Minute)
	}
	return m
}

func signedIn(who identity.Member) identity.SignedIn {
	return identity.SignedIn{
		Token: identity.Token{Access: secret.New("eyJ.access"), ExpiresIn: 10 * time.Minute}, Subject: who.Subject(),
		Grant: identity.Grant{Name: who.Name, Roles: []string{"admin"}}, Refresh: secret.New("opaque"),
		RefreshExpiresIn: time.Hour, AAL: 2,
	}
}

func (fakeStaff) SignIn(_ context.Context, in identity.StaffSignIn) (identity.StaffSignedIn, error) {
	if !in.Password.Equal(secret.New(canaryPassword)) || !in.TOTP.Equal(secret.New(canaryCode)) {
		return identity.StaffSignedIn{}, fault.New(fault.InvalidCredentials, "staff sign-in refused")
	}
	return identity.StaffSignedIn{SignedIn: signedIn(someone(ada)), Member: someone(ada)}, nil
}

func (fakeStaff) ByID(_ context.Context, id uuid.UUID) (identity.Member, error) {
	if id != ada && id != ben {
		return identity.Member{}, fault.New(fault.NotFound, "no staff %s", id)
	}
	return someone(id), nil
}

func (fakeStaff) EnrolTOTP(_ context.Context, id uuid.UUID) (secret.Text, error) {
	if id == ada {
		return secret.Text{}, fault.New(fault.InvalidState, "staff %s has a second factor", id)
	}
	return secret.New("otpauth://totp/Nova:ben@example.com?secret=JBSWY3DPEHPK3PXP"), nil
}

func (fakeStaff) ConfirmTOTP(_ context.Context, _ uuid.UUID, code secret.Text, _ identity.Via) error {
	if !code.Equal(secret.New(canaryCode)) {
		return fault.New(fault.OTPInvalid, "").Field("code", "is not right")
	}
	return nil
}

func (fakeStaff) ChangePassword(_ context.Context, _ uuid.UUID, old, _ secret.Text, _ identity.Via) error {
	if !old.Equal(secret.New(canaryPassword)) {
		return fault.New(fault.InvalidCredentials, "wrong old password")
	}
	return nil
}

func (fakeStaff) Create(_ context.Context, n identity.NewMember, _ identity.Via) (identity.Member, error) {
	if n.Email == "ada@example.com" {
		return identity.Member{}, fault.New(fault.DuplicateEntity, "").Field("email", "is taken")
	}
	m := someone(ben)
	m.Email, m.Name, m.Roles, m.HasTOTP, m.MustChange, m.LockedUntil = n.Email, n.Name, n.Roles, false, true, time.Time{}
	return m, nil
}

func (fakeStaff) List(_ context.Context, after string, most int) ([]identity.Member, bool, error) {
	all := []identity.Member{someone(ada), someone(ben)}
	if after == "ada@example.com" {
		all = all[1:]
	}
	return all[:min(most, len(all))], most < len(all), nil
}

func (fakeStaff) SetRoles(context.Context, uuid.UUID, []identity.Role, identity.Via) error {
	return nil
}
func (fakeStaff) Disable(context.Context, uuid.UUID, identity.Via) error   { return nil }
func (fakeStaff) Enable(context.Context, uuid.UUID, identity.Via) error    { return nil }
func (fakeStaff) ResetTOTP(context.Context, uuid.UUID, identity.Via) error { return nil }
func (fakeStaff) ResetPassword(context.Context, uuid.UUID, secret.Text, identity.Via) error {
	return nil
}

func (fakeOps) Refresh(_ context.Context, _ identity.Kind, token secret.Text, _ identity.Via) (identity.SignedIn, error) {
	if token.Equal(secret.New("used")) {
		return identity.SignedIn{}, fault.New(fault.TokenReused, "came again")
	}
	if !token.Equal(secret.New(canarySecret)) {
		return identity.SignedIn{}, fault.New(fault.Unauthorized, "no such token")
	}
	return signedIn(someone(ada)), nil
}

func (fakeOps) Logout(context.Context, identity.Kind, secret.Text, identity.Via) error { return nil }

func (fakeOps) RevokeSubject(context.Context, identity.Subject, string, identity.Via) error {
	return nil
}

func (fakeOps) Status(context.Context, identity.Subject) (identity.Status, error) {
	return identity.Status{HasPIN: true, LockedUntil: now.Add(time.Hour)}, nil
}

func (fakeOps) Unlock(_ context.Context, sub identity.Subject, _ identity.Via) error { return nil }

type fakeCustomers struct{}

func person() customers.Customer {
	number, _ := msisdn.FromNetwork("12462501002") // it is one
	swapped := now.Add(-time.Hour)
	return customers.Customer{
		ID: kofi, MSISDN: number, FirstName: "Kofi", LastName: "Clarke", BirthDate: "1990-07-02", Tier: 1,
		Status: customers.Active, KYCStatus: "verified", Language: "en", SIMSwappedAt: &swapped,
	}
}

func (fakeCustomers) ByMSISDN(_ context.Context, m msisdn.MSISDN) (customers.Customer, error) {
	if m != person().MSISDN {
		return customers.Customer{}, fault.New(fault.CustomerNotFound, "no customer %s", m)
	}
	return person(), nil
}

func (fakeCustomers) ByID(_ context.Context, id uuid.UUID) (customers.Customer, error) {
	if id != kofi {
		return customers.Customer{}, fault.New(fault.CustomerNotFound, "no customer %s", id)
	}
	return person(), nil
}

func (f fakeCustomers) Consult(ctx context.Context, _ identity.Subject, id uuid.UUID) (customers.Customer, error) {
	return f.ByID(ctx, id)
}

func (fakeCustomers) SetStatus(context.Context, identity.Subject, uuid.UUID, customers.Status, string) error {
	return nil
}

func (fakeCustomers) OpenReset(_ context.Context, _ identity.Via, _ uuid.UUID, seen customers.IDCheck) error {
	if seen != (customers.IDCheck{BirthYear: 1990, Last4: "0022"}) {
		return fault.New(fault.PINInvalid, "not confirmed").With("attempts_left", 2)
	}
	return nil
}

func (fakeCustomers) ReportSIMSwap(_ context.Context, _ identity.Subject, swap customers.SIMSwap) error {
	if swap.SwappedAt.After(now) {
		return fault.New(fault.ValidationError, "").Field("swapped_at", "must not be in the future")
	}
	return nil
}

func (fakeCustomers) BlockUSSD(context.Context, identity.Subject, uuid.UUID) error { return nil }

func (fakeCustomers) UnblockUSSD(context.Context, identity.Subject, uuid.UUID, transactions.Channel) error {
	return nil
}

type fakeAgents struct{}

func (fakeAgents) OperatorByID(_ context.Context, id uuid.UUID) (agents.Operator, error) {
	if id != shop {
		return agents.Operator{}, fault.New(fault.NotFound, "no operator %s", id)
	}
	return agents.Operator{ID: id}, nil
}

func (fakeAgents) MerchantByID(_ context.Context, id uuid.UUID) (agents.Merchant, error) {
	if id != shop {
		return agents.Merchant{}, fault.New(fault.NotFound, "no merchant %s", id)
	}
	return agents.Merchant{ID: id}, nil
}

func (fakeAgents) SetStatus(_ context.Context, _ identity.Subject, c agents.Change) error {
	if c.ID != shop {
		return fault.New(fault.NotFound, "no %s %s", c.Of, c.ID)
	}
	return nil
}

func (fakeAgents) OperatorsUnder(_ context.Context, _, after uuid.UUID) ([]uuid.UUID, error) {
	if after == uuid.Nil {
		return []uuid.UUID{andre}, nil
	}
	return nil, nil
}

func (fakeOps) Record(context.Context, ...audit.Event) {}

func (fakeOps) Search(_ context.Context, q audit.Query) ([]audit.Event, bool, error) {
	if !q.To.IsZero() && q.To.Before(q.From) {
		return nil, false, fault.New(fault.ValidationError, "").Field("to", "lies before from")
	}
	e := audit.Event{
		ID: anEvent, At: now, Actor: someone(ben).Subject().String(), Action: "pin.reset_open", Object: person().Subject().String(),
		Outcome: audit.Done, Purpose: "support.investigate", Policy: "support-investigates", Channel: "console", Correlation: "c-1",
		Detail: map[string]string{audit.DetailAddress: "192.0.2.1/32"},
	}
	if q.Before == anEvent {
		return nil, false, nil
	}
	return []audit.Event{e}, q.Most == 1, nil
}

func (fakeOps) Verify(context.Context) (audit.Report, error) {
	return audit.Report{Events: 1041, Seals: 212, Unsealed: 1, Since: now}, nil
}
