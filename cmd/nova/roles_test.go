package main

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/customers"
	"nova/core/identity"
	"nova/core/ids"
	"nova/core/msisdn"
	"nova/core/secret"
)

// ofKind is an id as paths have it.
func ofKind(prefix ids.Prefix, id uuid.UUID) string { return ids.Format(prefix, id) }

// whoEnters says who comes through the door of each route of administrators and staff; everybody else whom a token can name is
// answered 403: the other roles, staff with one factor, a customer, an owner at an outlet, a client with all there is to grant.
const whoEnters = `
DELETE /v1/clients/:client_id: admin client
GET /v1/clients/:client_id: admin client
GET /v1/clients: admin client
GET /v1/ops/audit/verify: compliance
GET /v1/ops/audit: compliance
GET /v1/ops/customers/:customer_id: compliance operations support
GET /v1/ops/staff/:staff_id: admin
GET /v1/ops/staff: admin
POST /v1/clients/:client_id/rotate: admin client
POST /v1/clients: admin client
POST /v1/ops/agents/:id/reinstate: admin operations
POST /v1/ops/agents/:id/suspend: admin operations
POST /v1/ops/auth/password: admin compliance finance one-factor operations support
POST /v1/ops/auth/totp/confirm: admin compliance finance one-factor operations support
POST /v1/ops/auth/totp: admin compliance finance one-factor operations support
POST /v1/ops/customers/:customer_id/pin/reset: compliance operations support
POST /v1/ops/customers/:customer_id/pin/unlock: compliance operations support
POST /v1/ops/customers/:customer_id/reinstate: compliance operations support
POST /v1/ops/customers/:customer_id/sim-swap: compliance operations support
POST /v1/ops/customers/:customer_id/suspend: compliance operations support
POST /v1/ops/customers/:customer_id/ussd/block: compliance operations support
POST /v1/ops/customers/:customer_id/ussd/unblock: compliance operations support
POST /v1/ops/customers/lookup: compliance operations support
POST /v1/ops/merchants/:id/reinstate: admin operations
POST /v1/ops/merchants/:id/suspend: admin operations
POST /v1/ops/operators/:id/reinstate: admin operations
POST /v1/ops/operators/:id/suspend: admin operations
POST /v1/ops/outlets/:id/reinstate: admin operations
POST /v1/ops/outlets/:id/suspend: admin operations
POST /v1/ops/staff/:staff_id/disable: admin
POST /v1/ops/staff/:staff_id/enable: admin
POST /v1/ops/staff/:staff_id/password/reset: admin
POST /v1/ops/staff/:staff_id/totp/reset: admin
POST /v1/ops/staff: admin
PUT /v1/ops/staff/:staff_id/roles: admin
`

// tokens are everybody whom a token can name, with the most that it can grant.
func (w *world) tokens(c *desk) map[string]string {
	w.t.Helper()
	ctx := w.t.Context()
	admin := c.enrol("ops@nova.local", demoPassword).token() // who is operations and support as well
	all := map[string]string{}
	for _, role := range identity.Roles() {
		all[string(role)] = c.newcomer(admin, string(role)+".only@nova.local", string(role)).token()
	}
	one := c.login("compliance@nova.local", demoPassword, "")
	require.Equal(w.t, 200, one.status)
	all["one-factor"] = one.text("access_token")
	all["client"] = c.must(200, "POST", "/v1/oauth/token", "", fields{
		"grant_type": "client_credentials", "client_id": demoClient, "client_secret": demoSecret,
	}).text("access_token")
	all["customer"] = w.signIn(ctx, identity.Customer, w.customer("12462501001").Subject(), "1357")
	owner, err := w.server.agents.OperatorByMSISDN(ctx, numberOf(w.t, "12462500011"))
	require.NoError(w.t, err)
	all["owner"] = w.signIn(ctx, identity.Operator, owner.Subject(), "2468")
	return all
}

func numberOf(t *testing.T, digits string) msisdn.MSISDN {
	t.Helper()
	number, err := msisdn.FromNetwork(digits)
	require.NoError(t, err)
	return number
}

func (w *world) customer(digits string) customers.Customer {
	w.t.Helper()
	c, err := w.server.customers.ByMSISDN(w.t.Context(), numberOf(w.t, digits))
	require.NoError(w.t, err)
	return c
}

func (w *world) signIn(ctx context.Context, kind identity.Kind, who identity.Subject, pin string) string {
	w.t.Helper()
	in, err := w.server.signIns.SignIn(ctx, identity.PINSignIn{Kind: kind, Subject: who, Login: "x", PIN: secret.New(pin)})
	require.NoError(w.t, err)
	return in.Access.Reveal()
}

// pathParameter is one that nothing can be done to: it names nothing.
var pathParameter = regexp.MustCompile(`:[a-z_]+`)

// TestEveryRouteOfStaffRefusesEverybodyElse tries each route with each token. A route that is added fails until it has a line.
func TestEveryRouteOfStaffRefusesEverybodyElse(t *testing.T) {
	w := newWorld(t)
	node, c := w.node(&lockedLog{})
	tokens := w.tokens(c)
	var lines []string
	for route, access := range node.app.Routes() {
		method, pattern, _ := strings.Cut(route, " ")
		ours := strings.HasPrefix(pattern, "/v1/ops/") || pattern == "/v1/clients" || strings.HasPrefix(pattern, "/v1/clients/")
		if !ours || access.Open != "" {
			continue
		}
		var enter []string
		for who, token := range tokens {
			var body any
			if method == "POST" || method == "PUT" {
				body = fields{}
			}
			switch got := c.call(method, pathParameter.ReplaceAllString(pattern, "x"), token, body); got.status {
			case 403:
			case 401:
				t.Fatalf("%s by %s: the token is no good: %v", route, who, got.body)
			default:
				enter = append(enter, who)
			}
		}
		slices.Sort(enter)
		lines = append(lines, route+": "+strings.Join(enter, " "))
	}
	slices.Sort(lines)
	require.Equal(t, strings.TrimSpace(whoEnters), strings.Join(lines, "\n"))
}
