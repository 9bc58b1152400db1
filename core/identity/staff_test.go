package identity_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's own
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

const goodPassword = "correct horse battery"

// office is a door with staff.
type office struct {
	*door
	staff *identity.Staffing
	ada   identity.Member
}

func newOffice(t *testing.T, withoutTOTP bool) *office {
	t.Helper()
	o := &office{door: newDoor(t)}
	o.signIns = identity.NewSignIns(identity.SignInOptions{
		DB: o.db, Identity: o.identity, Tokens: o.tokens, Clock: o.clock,
		Grants: func(ctx context.Context, sub identity.Subject) (identity.Grant, error) {
			return o.staff.Grant(ctx, sub)
		},
	})
	var err error
	o.staff, err = identity.NewStaffing(identity.StaffOptions{
		DB: o.db, Keyring: o.keyring, SignIns: o.signIns, Clock: o.clock, Issuer: "Nova", WithoutTOTP: withoutTOTP,
		Purposes: map[identity.Role][]string{
			identity.Operations: {"operations.reverse", "support.investigate"}, identity.Support: {"support.investigate"},
		},
	})
	require.NoError(t, err)
	require.NoError(t, o.staff.Seed(t.Context(), identity.NewMember{
		Email: "ada@nova.local", Name: "Ada", Roles: []identity.Role{identity.Support, identity.Operations},
		Password: secret.New(goodPassword),
	}))
	page, more, err := o.staff.List(t.Context(), "", 10)
	require.NoError(t, err)
	require.False(t, more)
	o.ada = page[0]
	return o
}

func (o *office) at(password, totp string) (identity.StaffSignedIn, error) {
	return o.staff.SignIn(o.t.Context(), identity.StaffSignIn{
		Email: "ada@nova.local", Password: secret.New(password), TOTP: secret.New(totp),
	})
}

// enrol gives Ada a second factor and returns its key. Its first code is used up.
func (o *office) enrol() []byte {
	o.t.Helper()
	uri, err := o.staff.EnrolTOTP(o.t.Context(), o.ada.ID)
	require.NoError(o.t, err)
	key := keyOf(o.t, uri)
	require.NoError(o.t, o.staff.ConfirmTOTP(o.t.Context(), o.ada.ID, secret.New(totp(key, o.clock.Now())), identity.Via{}))
	o.clock.Advance(time.Minute)
	return key
}

func keyOf(t *testing.T, uri secret.Text) []byte {
	t.Helper()
	u, err := url.Parse(uri.Reveal())
	require.NoError(t, err)
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	require.NoError(t, err)
	return key
}

// totp is RFC 6238 written down a second time.
func totp(key []byte, at time.Time) string {
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/30) // a hash takes everything
	sum := mac.Sum(nil)
	from := sum[19] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[from:from+4])&0x7fffffff)%1_000_000)
}

func TestTheTestsTOTPIsTheStandards(t *testing.T) {
	// RFC 6238, appendix B, cut to six digits.
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 20000000000: "353130"} {
		require.Equal(t, want, totp([]byte("12345678901234567890"), time.Unix(at, 0)))
	}
}

func TestStaffWithASecondFactorHaveAssuranceTwo(t *testing.T) {
	o := newOffice(t, false)
	first, err := o.at(goodPassword, "")
	require.NoError(t, err)
	require.True(t, first.MustEnrol)
	require.Empty(t, o.verified(first.Access).Purposes, "nothing until a second factor is enrolled")
	key := o.enrol()
	_, err = o.tokens.Verify(t.Context(), first.Access)
	refused(t, err, fault.Unauthorized)

	in, err := o.at(goodPassword, totp(key, o.clock.Now()))
	require.NoError(t, err)
	require.False(t, in.MustEnrol)
	p := o.verified(in.Access)
	require.Equal(t, 2, p.AAL)
	require.Equal(t, []string{"pwd", "otp", "mfa"}, p.AMR)
	require.Equal(t, []string{"operations", "support"}, p.Roles)
	require.Equal(t, []string{"operations.reverse", "support.investigate"}, p.Purposes)
	require.Equal(t, o.ada.Subject(), p.Subject())
	next, err := o.signIns.Refresh(t.Context(), identity.Staff, in.Refresh, identity.Via{})
	require.NoError(t, err)
	require.Equal(t, 2, o.verified(next.Access).AAL)
	require.Equal(t, time.Hour, next.RefreshExpiresIn)
	_, err = o.staff.EnrolTOTP(t.Context(), o.ada.ID)
	refused(t, err, fault.InvalidState)
}

func TestDemonstrationStaffWorkWithAPasswordAlone(t *testing.T) {
	o := newOffice(t, true)
	in, err := o.at(goodPassword, "")
	require.NoError(t, err)
	require.False(t, in.MustEnrol)
	p := o.verified(in.Access)
	require.Equal(t, 1, p.AAL)
	require.NotEmpty(t, p.Purposes)
}

func TestStaffSignInsAreRefusedAlike(t *testing.T) {
	rows := []struct {
		name string
		try  func(o *office, key []byte) (identity.StaffSignedIn, error)
	}{
		{"a wrong password", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			return o.at("wrong horse battery", totp(key, o.clock.Now()))
		}},
		{"no second factor", func(o *office, _ []byte) (identity.StaffSignedIn, error) { return o.at(goodPassword, "") }},
		{"a wrong second factor", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			return o.at(goodPassword, totp(key, o.clock.Now().Add(time.Hour)))
		}},
		{"a code of two steps ago", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			return o.at(goodPassword, totp(key, o.clock.Now().Add(-time.Minute)))
		}},
		{"nobody's name", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			return o.staff.SignIn(o.t.Context(), identity.StaffSignIn{
				Email: "eve@nova.local", Password: secret.New(goodPassword), TOTP: secret.New(totp(key, o.clock.Now())),
			})
		}},
		{"no address", func(o *office, _ []byte) (identity.StaffSignedIn, error) {
			return o.staff.SignIn(o.t.Context(), identity.StaffSignIn{Email: "ada", Password: secret.New(goodPassword)})
		}},
		{"a password of a book's length", func(o *office, _ []byte) (identity.StaffSignedIn, error) {
			return o.at(strings.Repeat("a", 129), "")
		}},
		{"a disabled account", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			require.NoError(o.t, o.staff.Disable(o.t.Context(), o.ada.ID, support))
			return o.at(goodPassword, totp(key, o.clock.Now()))
		}},
		{"a locked account", func(o *office, key []byte) (identity.StaffSignedIn, error) {
			for range 5 {
				_, err := o.at("wrong horse battery", "")
				refused(o.t, err, fault.InvalidCredentials)
			}
			return o.at(goodPassword, totp(key, o.clock.Now()))
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			o := newOffice(t, false)
			_, err := row.try(o, o.enrol())
			f := refused(t, err, fault.InvalidCredentials)
			require.Empty(t, f.Extra)
			require.Empty(t, f.Fields)
			require.Zero(t, o.count(`select count(*) from sign_ins where aal = 2`))
		})
	}
}

func TestALockOfStaffEnds(t *testing.T) {
	o := newOffice(t, true)
	for range 5 {
		_, err := o.at("wrong horse battery", "")
		refused(t, err, fault.InvalidCredentials)
	}
	m, err := o.staff.ByID(t.Context(), o.ada.ID)
	require.NoError(t, err)
	require.Equal(t, noon.Add(15*time.Minute), m.LockedUntil)
	o.clock.Advance(15 * time.Minute)
	_, err = o.at(goodPassword, "")
	require.NoError(t, err)
}

func TestACodeIsUsedOnceAlsoInParallel(t *testing.T) {
	o := newOffice(t, false)
	key := o.enrol()
	code := totp(key, o.clock.Now())
	counts := outcomes(atOnce(4, func(int) error {
		_, err := o.at(goodPassword, code)
		return err
	}))
	require.Equal(t, map[fault.Code]int{"": 1, fault.InvalidCredentials: 3}, counts)
	o.clock.Advance(30 * time.Second)
	_, err := o.at(goodPassword, code)
	refused(t, err, fault.InvalidCredentials)
	_, err = o.at(goodPassword, totp(key, o.clock.Now().Add(30*time.Second)))
	require.NoError(t, err, "a phone that is half a minute ahead")
}

func TestParallelPasswordsNeverPassFive(t *testing.T) {
	o := newOffice(t, true)
	errs := atOnce(12, func(int) error {
		_, err := o.at("wrong horse battery", "")
		return err
	})
	require.Equal(t, 12, outcomes(errs)[fault.InvalidCredentials])
	require.Equal(t, 5, o.count(`select wrong from staff`), "counted before it is compared")
	_, err := o.at(goodPassword, "")
	refused(t, err, fault.InvalidCredentials)
}

func TestWhoIsDisabledIsOutAtOnce(t *testing.T) {
	o := newOffice(t, true)
	in, err := o.at(goodPassword, "")
	require.NoError(t, err)
	require.NoError(t, o.staff.Disable(t.Context(), o.ada.ID, support))
	_, err = o.tokens.Verify(t.Context(), in.Access)
	refused(t, err, fault.Unauthorized)
	_, err = o.signIns.Refresh(t.Context(), identity.Staff, in.Refresh, identity.Via{})
	refused(t, err, fault.Unauthorized)
	require.NoError(t, o.staff.Enable(t.Context(), o.ada.ID, support))
	in, err = o.at(goodPassword, "")
	require.NoError(t, err)
	require.NoError(t, o.staff.SetRoles(t.Context(), o.ada.ID, []identity.Role{identity.Support}, support))
	_, err = o.tokens.Verify(t.Context(), in.Access)
	refused(t, err, fault.Unauthorized)
	in, err = o.at(goodPassword, "")
	require.NoError(t, err)
	require.Equal(t, []string{"support.investigate"}, o.verified(in.Access).Purposes)
	require.Subset(t, o.recorded(), []string{"staff.create done", "staff.disable done", "staff.enable done", "staff.roles done"})
}

func TestAPasswordGivenByAnotherMustBeChanged(t *testing.T) {
	o := newOffice(t, true)
	require.NoError(t, o.staff.ResetPassword(t.Context(), o.ada.ID, secret.New("temporary words here"), support))
	in, err := o.at("temporary words here", "")
	require.NoError(t, err)
	require.True(t, in.MustChange)
	require.Empty(t, o.verified(in.Access).Purposes)
	change := func(old, next string) error {
		return o.staff.ChangePassword(t.Context(), o.ada.ID, secret.New(old), secret.New(next), identity.Via{})
	}
	refused(t, change("not the old one at all", "words of my own choice"), fault.InvalidCredentials)
	refused(t, change("temporary words here", "temporary words here"), fault.ValidationError)
	require.NoError(t, change("temporary words here", "a word of my own choice"))
	in, err = o.at("a word of my own choice", "")
	require.NoError(t, err)
	require.NotEmpty(t, o.verified(in.Access).Purposes)
}

func TestALostPhoneIsReplacedByAnAdministrator(t *testing.T) {
	o := newOffice(t, false)
	o.enrol()
	require.NoError(t, o.staff.ResetTOTP(t.Context(), o.ada.ID, support))
	in, err := o.at(goodPassword, "")
	require.NoError(t, err)
	require.True(t, in.MustEnrol)
	err = o.staff.ConfirmTOTP(t.Context(), o.ada.ID, secret.New("123456"), identity.Via{})
	refused(t, err, fault.InvalidState)
	_, err = o.staff.EnrolTOTP(t.Context(), o.ada.ID)
	require.NoError(t, err)
	err = o.staff.ConfirmTOTP(t.Context(), o.ada.ID, secret.New("1234567"), identity.Via{})
	refused(t, err, fault.OTPInvalid)
	require.Zero(t, o.count(`select count(*) from staff where totp_since is not null`))
}

func TestStaffThatAreNotCreated(t *testing.T) {
	good := identity.NewMember{
		Email: "grace@nova.local", Name: "Grace", Roles: []identity.Role{identity.Finance}, Password: secret.New(goodPassword),
	}
	rows := []struct {
		name  string
		edit  func(n *identity.NewMember)
		code  fault.Code
		field string
	}{
		{"an email that is taken", func(n *identity.NewMember) { n.Email = "ADA@nova.local" }, fault.DuplicateEntity, "email"},
		{"no address", func(n *identity.NewMember) { n.Email = "grace" }, fault.ValidationError, "email"},
		{"a name in an address", func(n *identity.NewMember) { n.Email = "Grace <g@nova.local>" }, fault.ValidationError, "email"},
		{"a long address", func(n *identity.NewMember) { n.Email = strings.Repeat("g", 250) + "@nova.local" }, fault.ValidationError, "email"},
		{"no name", func(n *identity.NewMember) { n.Name = "" }, fault.ValidationError, "name"},
		{"no role", func(n *identity.NewMember) { n.Roles = nil }, fault.ValidationError, "roles"},
		{"a role that is none", func(n *identity.NewMember) { n.Roles = []identity.Role{"root"} }, fault.ValidationError, "roles"},
		{"a short password", func(n *identity.NewMember) { n.Password = secret.New("elevenchars") }, fault.ValidationError, "password"},
		{"a long password", func(n *identity.NewMember) { n.Password = secret.New(strings.Repeat("ab", 65)) }, fault.ValidationError, "password"},
		{"one character", func(n *identity.NewMember) { n.Password = secret.New(strings.Repeat("x", 14)) }, fault.ValidationError, "password"},
		{"everybody's password", func(n *identity.NewMember) { n.Password = secret.New("Password2026!") }, fault.ValidationError, "password"},
		{"the own name", func(n *identity.NewMember) { n.Password = secret.New("iamGrace-really") }, fault.ValidationError, "password"},
	}
	o := newOffice(t, false)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			n := good
			row.edit(&n)
			_, err := o.staff.Create(t.Context(), n, support)
			require.Contains(t, refused(t, err, row.code).Fields, row.field)
			require.Equal(t, 1, o.count(`select count(*) from staff`))
		})
	}
	grace, err := o.staff.Create(t.Context(), good, support)
	require.NoError(t, err)
	require.True(t, grace.MustChange)
	page, more, err := o.staff.List(t.Context(), "", 1)
	require.NoError(t, err)
	require.True(t, more)
	page, more, err = o.staff.List(t.Context(), page[0].Email, 1)
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, []identity.Member{grace}, page)
	_, err = o.staff.ByID(t.Context(), uuid.New())
	refused(t, err, fault.NotFound)
	require.Zero(t, o.count(`select count(*) from staff where staff::text like '%' || $1 || '%'`, goodPassword))
}

func TestAnIssuedPasswordWillDoAndIsNeverTheSame(t *testing.T) {
	o := newOffice(t, false)
	seen := map[string]bool{}
	for range 50 {
		issued := identity.IssuePassword("abc@nova.local")
		require.Regexp(t, `^([a-z2-7]{5}-){3}[a-z2-7]{5}$`, issued.Reveal())
		require.False(t, seen[issued.Reveal()])
		seen[issued.Reveal()] = true
	}
	issued := identity.IssuePassword("ben@nova.local")
	_, err := o.staff.Create(t.Context(), identity.NewMember{
		Email: "ben@nova.local", Name: "Ben", Roles: []identity.Role{identity.Admin}, Password: issued,
	}, identity.Via{Actor: "nova"})
	require.NoError(t, err)
}
