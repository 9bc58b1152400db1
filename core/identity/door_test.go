package identity_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
)

// door is a world with everything behind which people sign in.
type door struct {
	*world
	signer  *secret.Signer
	clients *identity.Clients
	tokens  *identity.Tokens
	signIns *identity.SignIns
	// refused are subjects that may not act now.
	refused map[identity.Subject]bool
}

var grantOfAll = identity.Grant{
	Name: "Andre C.", Purposes: []string{"customer.transact"}, Scopes: []string{"self"}, Roles: []string{"owner"},
}

func newDoor(t *testing.T) *door {
	t.Helper()
	d := &door{world: newWorld(t), signer: secret.EphemeralSigner(), refused: map[identity.Subject]bool{}}
	d.clients = identity.NewClients(d.db, d.keyring, d.clock)
	d.tokens = d.newTokens()
	d.signIns = identity.NewSignIns(identity.SignInOptions{
		DB: d.db, Identity: d.identity, Tokens: d.tokens, Clock: d.clock,
		Grants: func(_ context.Context, sub identity.Subject) (identity.Grant, error) {
			if d.refused[sub] {
				return identity.Grant{}, fault.New(fault.CodeForbidden, "suspended")
			}
			return grantOfAll, nil
		},
	})
	return d
}

// newTokens is the issuer of another node.
func (d *door) newTokens() *identity.Tokens {
	return identity.NewTokens(identity.TokenOptions{
		Clients: d.clients, Signer: d.signer, Clock: d.clock, Issuer: "nova", Audience: "nova",
		Revocations: identity.NewRevocations(d.db, d.clock, 0),
	})
}

func (d *door) typing(pin string) identity.PINSignIn {
	return identity.PINSignIn{
		Kind: identity.Customer, Subject: d.person, Login: "12462501001", PIN: secret.New(pin),
		Via: identity.Via{Channel: "app", Correlation: "c-1"},
	}
}

func (d *door) in() identity.SignedIn {
	d.t.Helper()
	in, err := d.signIns.SignIn(d.t.Context(), d.typing(rightPIN))
	require.NoError(d.t, err)
	return in
}

func (d *door) refresh(token secret.Text) (identity.SignedIn, error) {
	return d.signIns.Refresh(d.t.Context(), identity.Customer, token, identity.Via{})
}

// verified is who a token names.
func (d *door) verified(token secret.Text) identity.Principal {
	d.t.Helper()
	p, err := d.tokens.Verify(d.t.Context(), token)
	require.NoError(d.t, err)
	return p
}

func (d *door) count(query string, args ...any) int {
	d.t.Helper()
	var n int
	require.NoError(d.t, d.db.Get(d.t.Context(), &n, statement(query), args...))
	return n
}

// atOnce runs so many calls in parallel and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	group.Wait()
	return errs
}

// outcomes counts errors by their code; "" is success.
func outcomes(errs []error) map[fault.Code]int {
	counts := map[fault.Code]int{}
	for _, err := range errs {
		if err == nil {
			counts[""]++
			continue
		}
		counts[fault.From(err).Code]++
	}
	return counts
}

// recorded are the acts in the record, in their order, as "action outcome".
func (d *door) recorded() []string {
	d.t.Helper()
	var acts []string
	require.NoError(d.t, d.db.Select(d.t.Context(), &acts,
		statement(`select action || ' ' || outcome from audit_events order by at, id`)))
	return acts
}
