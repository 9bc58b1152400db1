package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/ledger"
	"nova/core/secret"
	"nova/sql"
)

func TestASignInGivesTokensThatSayWho(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	require.Equal(t, d.person, in.Subject)
	require.Equal(t, identity.DefaultTokenLife, in.ExpiresIn)
	require.Equal(t, 30*24*time.Hour, in.RefreshExpiresIn)
	require.False(t, in.DeviceBound)
	require.False(t, in.MustChange)
	p := d.verified(in.Access)
	require.Equal(t, d.person, p.Subject())
	require.Equal(t, in.Session, p.Session)
	require.Equal(t, 1, p.AAL)
	require.Equal(t, []string{"pin"}, p.AMR)
	require.Equal(t, grantOfAll.Purposes, p.Purposes)
	require.Equal(t, grantOfAll.Roles, p.Roles)
	require.Equal(t, grantOfAll.Scopes, p.Scopes)
	require.Empty(t, p.Bound)
	require.Empty(t, p.Device)
	require.Zero(t, d.count(`select count(*) from refresh_tokens where hash = $1`, []byte(in.Refresh.Reveal())))
}

// Whatever is wrong is told alike: same code, no field, no count, and the same number of statements' traces.
func TestWhoSignsInWronglyLearnsNothing(t *testing.T) {
	d := newDoor(t)
	withoutPIN := identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	rows := []struct {
		name string
		edit func(in *identity.PINSignIn)
	}{
		{"a wrong PIN", func(in *identity.PINSignIn) { in.PIN = secret.New(wrongPIN) }},
		{"nobody's number", func(in *identity.PINSignIn) { in.Subject, in.Login = identity.Subject{}, "12462509999" }},
		{"somebody without a PIN", func(in *identity.PINSignIn) { in.Subject, in.Login = withoutPIN, "12462508888" }},
		{"a customer as an operator", func(in *identity.PINSignIn) { in.Kind = identity.Operator }},
		{"a customer's id under another kind", func(in *identity.PINSignIn) {
			in.Kind, in.Subject.Kind = identity.Operator, identity.Operator
		}},
		{"a client", func(in *identity.PINSignIn) { in.Kind, in.Subject.Kind = identity.Client, identity.Client }},
		{"staff", func(in *identity.PINSignIn) { in.Kind, in.Subject.Kind = identity.Staff, identity.Staff }},
		{"no name", func(in *identity.PINSignIn) { in.Login = "" }},
		{"a long name", func(in *identity.PINSignIn) { in.Login = strings.Repeat("1", 101) }},
		{"who may not act", func(in *identity.PINSignIn) { d.refused[in.Subject] = true }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			try := d.typing(rightPIN)
			row.edit(&try)
			_, err := d.signIns.SignIn(t.Context(), try)
			f := refused(t, err, fault.InvalidCredentials)
			require.Empty(t, f.Extra)
			require.Empty(t, f.Fields)
			require.Zero(t, d.count(`select count(*) from sign_ins`))
		})
	}
}

func TestAMalformedPINIsAnErrorOfFormAndNoGuess(t *testing.T) {
	d := newDoor(t)
	for _, pin := range []string{"", "12", "1234567", "13x7"} {
		_, err := d.signIns.SignIn(t.Context(), d.typing(pin))
		require.Contains(t, refused(t, err, fault.ValidationError).Fields, "pin")
	}
	long := d.typing(rightPIN)
	long.Device = strings.Repeat("d", 65)
	_, err := d.signIns.SignIn(t.Context(), long)
	require.Contains(t, refused(t, err, fault.ValidationError).Fields, "device_id")
	require.Equal(t, 3, d.status().TriesLeft)
}

// An unknown number locks as a known one does, or the lock would tell who exists.
func TestALockTellsNobodyWhoExists(t *testing.T) {
	d := newDoor(t)
	known := d.typing(wrongPIN)
	unknown := known
	unknown.Subject, unknown.Login = identity.Subject{}, "12462507777"
	for _, try := range []identity.PINSignIn{known, unknown} {
		for range 2 {
			_, err := d.signIns.SignIn(t.Context(), try)
			refused(t, err, fault.InvalidCredentials)
		}
		for range 2 {
			_, err := d.signIns.SignIn(t.Context(), try)
			f := refused(t, err, fault.AccountLocked)
			require.Equal(t, map[string]any{"retry_after_seconds": 3600}, f.Extra)
		}
	}
}

func TestParallelSignInsNeverGuessMoreThanThree(t *testing.T) {
	for name, sub := range map[string]bool{"a known number": true, "an unknown number": false} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			try := d.typing(wrongPIN)
			if !sub {
				try.Subject = identity.Subject{}
			}
			counts := outcomes(atOnce(20, func(int) error {
				_, err := d.signIns.SignIn(t.Context(), try)
				return err
			}))
			require.Equal(t, map[fault.Code]int{fault.InvalidCredentials: 2, fault.AccountLocked: 18}, counts)
		})
	}
}

func TestDecoysAreBounded(t *testing.T) {
	d := newDoor(t)
	try := d.typing(wrongPIN)
	try.Subject = identity.Subject{}
	for range 2 {
		_, err := d.signIns.SignIn(t.Context(), try)
		refused(t, err, fault.InvalidCredentials)
	}
	require.Equal(t, 1, d.count(`select count(*) from credentials where subject_kind = 'decoy'`), "one name, one decoy")
	require.Equal(t, 1, d.count(`select count(*) from credentials where subject_kind = 'decoy' and wrong = 2`))
}

func TestRefreshRotates(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	d.clock.Advance(time.Hour)
	next, err := d.refresh(in.Refresh)
	require.NoError(t, err)
	require.Equal(t, in.Session, next.Session)
	require.False(t, in.Refresh.Equal(next.Refresh))
	require.Equal(t, in.Session, d.verified(next.Access).Session)
	third, err := d.refresh(next.Refresh)
	require.NoError(t, err)
	require.Equal(t, in.Session, third.Session)
}

func TestARefreshTokenThatComesTwiceEndsItsFamily(t *testing.T) {
	d := newDoor(t)
	in, other := d.in(), d.in()
	next, err := d.refresh(in.Refresh)
	require.NoError(t, err)
	_, err = d.refresh(in.Refresh)
	refused(t, err, fault.TokenReused)
	_, err = d.refresh(next.Refresh)
	refused(t, err, fault.Unauthorized)
	_, err = d.refresh(in.Refresh)
	refused(t, err, fault.TokenReused)
	_, err = d.tokens.Verify(t.Context(), next.Access)
	refused(t, err, fault.Unauthorized)
	_, err = d.refresh(other.Refresh)
	require.NoError(t, err, "another family lives on")
}

func TestOfParallelRefreshesOneWins(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	counts := outcomes(atOnce(12, func(int) error {
		_, err := d.refresh(in.Refresh)
		return err
	}))
	require.Equal(t, 1, counts[""])
	require.Equal(t, 11, counts[fault.TokenReused])
	require.Equal(t, 1, d.count(`select count(*) from refresh_tokens where used_at is null`))
	require.Equal(t, 1, d.count(`select count(*) from sign_ins where reason = 'refresh token reused'`))
}

func TestRefreshRefuses(t *testing.T) {
	rows := []struct {
		name string
		make func(d *door) (identity.Kind, secret.Text)
	}{
		{"nothing", func(*door) (identity.Kind, secret.Text) { return identity.Customer, secret.Text{} }},
		{"rubbish", func(*door) (identity.Kind, secret.Text) { return identity.Customer, secret.New("rubbish") }},
		{"too much", func(*door) (identity.Kind, secret.Text) {
			return identity.Customer, secret.New(strings.Repeat("a", 101))
		}},
		{"another kind's door", func(d *door) (identity.Kind, secret.Text) { return identity.Operator, d.in().Refresh }},
		{"an access token", func(d *door) (identity.Kind, secret.Text) { return identity.Customer, d.in().Access }},
		{"a token of a month ago", func(d *door) (identity.Kind, secret.Text) {
			in := d.in()
			d.clock.Advance(30 * 24 * time.Hour)
			return identity.Customer, in.Refresh
		}},
		{"a family that was signed out", func(d *door) (identity.Kind, secret.Text) {
			in := d.in()
			require.NoError(d.t, d.signIns.Logout(d.t.Context(), identity.Customer, in.Refresh, identity.Via{}))
			return identity.Customer, in.Refresh
		}},
		{"who may not act any more", func(d *door) (identity.Kind, secret.Text) {
			in := d.in()
			d.refused[d.person] = true
			return identity.Customer, in.Refresh
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			d := newDoor(t)
			kind, token := row.make(d)
			issued := d.count(`select count(*) from refresh_tokens`)
			_, err := d.signIns.Refresh(t.Context(), kind, token, identity.Via{})
			refused(t, err, fault.Unauthorized)
			require.Equal(t, issued, d.count(`select count(*) from refresh_tokens`))
			require.Zero(t, d.count(`select count(*) from refresh_tokens where used_at is not null`))
		})
	}
}

func TestAFamilyEndsHoweverOftenItIsRefreshed(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	for range 7 {
		d.clock.Advance(25 * 24 * time.Hour)
		next, err := d.refresh(in.Refresh)
		require.NoError(t, err)
		in = next
	}
	require.Equal(t, 5*24*time.Hour, in.RefreshExpiresIn, "no longer than the family")
	d.clock.Advance(5 * 24 * time.Hour)
	_, err := d.refresh(in.Refresh)
	refused(t, err, fault.Unauthorized)
}

func TestLogoutEndsEveryTokenOnEveryNode(t *testing.T) {
	d := newDoor(t)
	elsewhere := d.newTokens()
	in := d.in()
	_, err := elsewhere.Verify(t.Context(), in.Access)
	require.NoError(t, err)
	for range 2 { // however often
		require.NoError(t, d.signIns.Logout(t.Context(), identity.Customer, in.Refresh, identity.Via{}))
	}
	_, err = d.tokens.Verify(t.Context(), in.Access)
	refused(t, err, fault.Unauthorized)
	d.clock.Advance(time.Second)
	_, err = elsewhere.Verify(t.Context(), in.Access)
	refused(t, err, fault.Unauthorized)
	require.NoError(t, d.signIns.Logout(t.Context(), identity.Customer, secret.New("unknown"), identity.Via{}))
}

func TestRevokingASubjectEndsAllFamilies(t *testing.T) {
	d := newDoor(t)
	first, second := d.in(), d.in()
	require.NoError(t, d.signIns.RevokeSubject(t.Context(), d.person, "suspended", identity.Via{Actor: "stf_00000000000000000000000000"}))
	for _, in := range []identity.SignedIn{first, second} {
		_, err := d.tokens.Verify(t.Context(), in.Access)
		refused(t, err, fault.Unauthorized)
		_, err = d.refresh(in.Refresh)
		refused(t, err, fault.Unauthorized)
	}
	list, err := d.signIns.List(t.Context(), d.person)
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestOneFamilyTooManyEndsTheOldest(t *testing.T) {
	d := newDoor(t)
	oldest := d.in()
	d.clock.Advance(time.Minute)
	errs := atOnce(12, func(int) error {
		_, err := d.signIns.SignIn(t.Context(), d.typing(rightPIN))
		return err
	})
	require.Equal(t, 12, outcomes(errs)[""])
	list, err := d.signIns.List(t.Context(), d.person)
	require.NoError(t, err)
	require.Len(t, list, 10, "also in parallel")
	for _, live := range list {
		require.NotEqual(t, oldest.Session, live.Session)
		require.Equal(t, "app", live.Channel)
	}
	_, err = d.refresh(oldest.Refresh)
	refused(t, err, fault.Unauthorized)
}

func TestRevocationsOutliveASilentDatabaseForSecondsOnly(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	d.verified(in.Access)
	require.NoError(t, d.db.Close())
	d.clock.Advance(9 * time.Second)
	d.verified(in.Access)
	d.clock.Advance(time.Second)
	_, err := d.tokens.Verify(t.Context(), in.Access)
	require.Error(t, err)
	require.True(t, fault.Ours(err), "no token is believed, and the caller is not told that theirs is bad: %v", err)
}

// A client has no sign-in that could be stolen with a phone, and a gateway's callers are owed polite words in an outage.
func TestAClientsTokenOutlivesASilentDatabaseUnlessItIsKnownToBeRevoked(t *testing.T) {
	d := newDoor(t)
	token := func(name string) (identity.APIClient, secret.Text) {
		created, key, err := d.clients.Create(t.Context(), identity.NewClient{Name: name})
		require.NoError(t, err)
		token, err := d.tokens.ClientCredentials(t.Context(), name, key)
		require.NoError(t, err)
		return created, token.Access
	}
	_, good := token("gateway")
	revoked, bad := token("former")
	require.NoError(t, d.clients.Revoke(t.Context(), revoked.ID, identity.Via{}))
	d.clock.Advance(time.Second)
	for _, silent := range []bool{false, true} {
		if silent {
			require.NoError(t, d.db.Close())
			d.clock.Advance(time.Minute)
		}
		d.verified(good)
		_, err := d.tokens.Verify(t.Context(), bad)
		refused(t, err, fault.Unauthorized)
	}
}

// Whoever changes a PIN without being signed in is told no more than at the door.
func TestAProvedPINIsEvidenceForAChange(t *testing.T) {
	d := newDoor(t)
	change := identity.PINChange{
		Subject: d.person, PIN: secret.New("9753"), Key: ledger.Key{Scope: d.person.Scope(), Operation: "pin", Value: "1"},
	}
	var err error
	change.Authorised, err = d.signIns.Prove(t.Context(), d.typing(rightPIN))
	require.NoError(t, err)
	require.Zero(t, d.count(`select count(*) from sign_ins`), "nobody is signed in by it")
	require.NoError(t, d.identity.ChangePIN(t.Context(), change))

	change.Key.Value = "2"
	change.Authorised, err = d.signIns.Prove(t.Context(), d.typing(wrongPIN))
	require.Empty(t, refused(t, err, fault.InvalidCredentials).Extra)
	refused(t, d.identity.ChangePIN(t.Context(), change), fault.CodeForbidden)
	nobody := d.typing(rightPIN)
	nobody.Subject, nobody.Login = identity.Subject{}, "12462509999"
	_, err = d.signIns.Prove(t.Context(), nobody)
	require.Empty(t, refused(t, err, fault.InvalidCredentials).Extra)
	_, err = d.signIns.Prove(t.Context(), d.typing("12"))
	refused(t, err, fault.ValidationError)
}

func TestOneEndsASignInOfOnesOwn(t *testing.T) {
	d := newDoor(t)
	here, lost := d.in(), d.in()
	other := identity.Subject{Kind: identity.Customer, ID: ids.New(noon)}
	refused(t, d.signIns.End(t.Context(), other, lost.Session, identity.Via{}), fault.NotFound)
	operator := identity.Subject{Kind: identity.Operator, ID: d.person.ID}
	refused(t, d.signIns.End(t.Context(), operator, lost.Session, identity.Via{}), fault.NotFound)
	d.verified(lost.Access)
	require.NoError(t, d.signIns.End(t.Context(), d.person, lost.Session, identity.Via{}))
	_, err := d.tokens.Verify(t.Context(), lost.Access)
	refused(t, err, fault.Unauthorized)
	_, err = d.refresh(lost.Refresh)
	refused(t, err, fault.Unauthorized)
	refused(t, d.signIns.End(t.Context(), d.person, lost.Session, identity.Via{}), fault.NotFound)
	d.verified(here.Access)
}

// A device's signature moves money, and is no evidence that anybody knows the PIN.
func TestASignatureIsNoPIN(t *testing.T) {
	d := newDoor(t)
	signature := d.identity.Signature(d.person)
	require.Equal(t, d.person, signature.Subject())
	require.Nil(t, signature.Check())
	key := ledger.Key{Scope: d.person.Scope(), Value: "1"}
	refused(t, d.identity.Authenticate(t.Context(), key, signature), fault.CodeForbidden)
	err := d.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { return d.identity.VerifyIn(ctx, tx, signature) })
	refused(t, err, fault.CodeForbidden)
}

func TestMoreRevocationsThanFitAreAskedOneByOne(t *testing.T) {
	d := newDoor(t)
	in, out := d.in(), d.in()
	require.NoError(t, d.signIns.Logout(t.Context(), identity.Customer, out.Refresh, identity.Via{}))
	_, err := d.db.Exec(t.Context(), statement(`
		insert into sign_ins (id, subject_kind, subject_id, aal, amr, created_at, used_at, expires_at, revoked_at)
		select gen_random_uuid(), 'customer', $1, 1, 'pin', $2, $2, $2, $2::timestamptz + interval '1 second'
		from generate_series(1, 50001)`), uuid.New(), noon)
	require.NoError(t, err)
	elsewhere := d.newTokens()
	_, err = elsewhere.Verify(t.Context(), in.Access)
	require.NoError(t, err)
	_, err = elsewhere.Verify(t.Context(), out.Access)
	refused(t, err, fault.Unauthorized)
}

func TestWhoComesAndGoesIsRecorded(t *testing.T) {
	d := newDoor(t)
	in := d.in()
	_, err := d.signIns.SignIn(t.Context(), d.typing(wrongPIN))
	refused(t, err, fault.InvalidCredentials)
	next, err := d.refresh(in.Refresh)
	require.NoError(t, err)
	for range 2 {
		_, err = d.refresh(in.Refresh)
		refused(t, err, fault.TokenReused)
	}
	require.NoError(t, d.signIns.Logout(t.Context(), identity.Customer, next.Refresh, identity.Via{}))
	last := d.in()
	require.NoError(t, d.signIns.Logout(t.Context(), identity.Customer, last.Refresh, identity.Via{}))
	require.ElementsMatch(t, []string{
		"auth.login done", "auth.login refused", "auth.token_reuse refused", "auth.login done", "auth.logout done",
	}, d.recorded())
	require.Equal(t, 1, d.count(`select count(*) from audit_events
		where outcome = 'refused' and action = 'auth.login' and actor = 'anonymous' and object = $1 and channel = 'app'
		and correlation = 'c-1'`, d.person.String()))
	for _, secret := range []string{rightPIN, wrongPIN, "12462501001", in.Refresh.Reveal(), in.Access.Reveal()} {
		require.Zero(t, d.count(`select count(*) from audit_events
			where actor || object || detail || correlation like '%' || $1 || '%'`, secret), "a secret in the record")
	}
}

// A sign-in that was under way when the PIN was changed must not outlive the change.
func TestASignInUnderWayDoesNotOutliveAChangeOfThePIN(t *testing.T) {
	d := newDoor(t)
	d.signIns = identity.NewSignIns(identity.SignInOptions{
		DB: d.db, Identity: d.identity, Tokens: d.tokens, Clock: d.clock,
		Grants: func(context.Context, identity.Subject) (identity.Grant, error) {
			d.clock.Advance(time.Second) // between the comparison and the family
			d.set("2469")
			return grantOfAll, nil
		},
	})
	_, err := d.signIns.SignIn(t.Context(), d.typing(rightPIN))
	refused(t, err, fault.InvalidCredentials)
	require.Zero(t, d.count(`select count(*) from sign_ins`))
}
