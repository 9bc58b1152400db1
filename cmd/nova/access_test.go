package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/msisdn"
	"nova/core/secret"
)

// TestTheDemonstrationsPeopleSignIn shows that what somebody may do comes from the policies, at sign-in and refresh.
func TestTheDemonstrationsPeopleSignIn(t *testing.T) {
	p := seeded(t)
	number, err := msisdn.FromNetwork("12462501001")
	require.NoError(t, err)
	marcia, err := p.customers.ByMSISDN(t.Context(), number)
	require.NoError(t, err)
	in, err := p.signIns.SignIn(t.Context(), identity.PINSignIn{
		Kind: identity.Customer, Subject: marcia.Subject(), Login: number.Digits(), PIN: secret.New("1357"),
	})
	require.NoError(t, err)
	who, err := p.tokens.Verify(t.Context(), in.Access)
	require.NoError(t, err)
	require.Equal(t, "Marcia B.", who.Name)
	require.Contains(t, who.Purposes, "customer.transact")
	require.NotContains(t, who.Purposes, "agent.transact")

	number, err = msisdn.FromNetwork("12462500011")
	require.NoError(t, err)
	operator, err := p.agents.OperatorByMSISDN(t.Context(), number)
	require.NoError(t, err)
	worker, err := p.signIns.SignIn(t.Context(), identity.PINSignIn{
		Kind: identity.Operator, Subject: operator.Subject(), Login: "100011", PIN: secret.New("2468"),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"owner"}, worker.Grant.Roles)
	require.Contains(t, worker.Grant.Purposes, "agent.transact")

	staff, err := p.staff.SignIn(t.Context(), identity.StaffSignIn{
		Email: "compliance@nova.local", Password: secret.New(demoPassword),
	})
	require.NoError(t, err)
	require.Contains(t, staff.Grant.Purposes, "compliance.kyc")
	require.NotContains(t, staff.Grant.Purposes, "ledger.post")

	require.NoError(t, p.customers.SetStatus(t.Context(), identity.Subject{}, marcia.ID, customers.Suspended, "seen"))
	_, err = p.signIns.Refresh(t.Context(), identity.Customer, in.Refresh, identity.Via{})
	require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
	_, err = p.tokens.Verify(t.Context(), in.Access)
	require.True(t, fault.Is(err, fault.Unauthorized), "%v", err)
}

// TestACodeArrivesAsAnSMS shows that a code that stands sealed is read by its owner and by nobody else.
func TestACodeArrivesAsAnSMS(t *testing.T) {
	w := newWorld(t)
	number, err := msisdn.FromNetwork("12462501001")
	require.NoError(t, err)
	marcia, err := w.server.customers.ByMSISDN(t.Context(), number)
	require.NoError(t, err)
	for _, purpose := range []identity.OTPPurpose{
		identity.OTPDeviceBind, identity.OTPPINReset, identity.OTPStepUp, identity.OTPCashOut, identity.OTPPhoneVerification,
	} {
		w.clock.Advance(time.Minute)
		sent, err := w.server.otps.Request(t.Context(), identity.OTPRequest{
			Purpose: purpose, Subject: marcia.Subject(), To: marcia.MSISDN, Language: "fr", Object: "one thing",
			Args: map[string]string{"currency": "BBD", "amount": "50.00", "fee": "1.00", "agent": "Oistins Corner Shop"},
		})
		require.NoError(t, err)
		_, err = w.outbox.Once(t.Context())
		require.NoError(t, err)
		messages := w.inbox.Sent()
		require.NotEmpty(t, messages)
		require.Contains(t, messages[len(messages)-1].Text.Reveal(), sent.Code.Reveal(), "%s", purpose)
	}
}
