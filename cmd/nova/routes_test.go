package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/web"
	"nova/configs"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/policy"
)

// openReasons are the beginnings of what an open route may say of itself; "public" must say to whom and why.
var openReasons = []string{"public: ", "the gateway's door"}

// selfPath is where a token alone lets in: on the way in, where people mend their own sign-ins and devices.
var selfPath = regexp.MustCompile(`^(POST|GET|DELETE) /v1/[a-z]+/auth/`)

// callers are everybody whom a token may name, with every role.
func callers() []policy.Caller {
	who := func(kind identity.Kind, roles ...string) policy.Caller {
		var purposes []string
		for _, p := range policy.Purposes() {
			purposes = append(purposes, string(p))
		}
		return policy.Caller{
			Subject: identity.Subject{Kind: kind, ID: uuid.MustParse("01900000-0000-7000-8000-000000000001")},
			Roles:   roles, Token: true, Purposes: purposes, AAL: 2,
		}
	}
	all := []policy.Caller{who(identity.Customer), who(identity.Client)}
	for _, role := range []string{"owner", "manager", "cashier", "viewer"} {
		all = append(all, who(identity.Operator, role))
	}
	for _, role := range []string{"support", "operations", "compliance", "finance", "admin"} {
		all = append(all, who(identity.Staff, role))
	}
	return all
}

// routeFaults names every route that nobody is asked anything for, or that no policy lets anybody enter.
func routeFaults(routes map[string]web.Access, decide func(context.Context, policy.Request) policy.Decision) []string {
	var faults []string
	for route, access := range routes {
		if access.Open != "" {
			if !slices.ContainsFunc(openReasons, func(reason string) bool { return strings.HasPrefix(access.Open, reason) }) {
				faults = append(faults, fmt.Sprintf("%s is open and does not say why: %q", route, access.Open))
			}
			continue
		}
		if access.Self != "" {
			if !selfPath.MatchString(route) {
				faults = append(faults, route+" asks for nothing but a token, and is no one's own sign-in")
			}
			continue
		}
		if !access.Purpose.Known() || access.Scope == "" {
			faults = append(faults, route+" has no purpose or no scope")
			continue
		}
		enters := func(scopes ...string) func(policy.Caller) bool {
			return func(c policy.Caller) bool {
				c.Scopes = scopes
				return decide(context.Background(), policy.Request{
					Caller: c, Purpose: access.Purpose, Action: "route",
					Context: policy.Context{Scope: access.Scope, Reads: strings.HasPrefix(route, "GET ")},
				}).Allowed
			}
		}
		if !slices.ContainsFunc(callers(), enters(access.Scope)) {
			faults = append(faults, route+" is permitted to nobody by any policy")
		}
		if slices.ContainsFunc(callers(), enters("another")) {
			faults = append(faults, route+" is permitted without its scope")
		}
	}
	slices.Sort(faults)
	return faults
}

// decider is the one of the policies that are built in.
func decider(t *testing.T) *policy.Decider {
	t.Helper()
	files, err := configs.Default(configs.Development).Policies()
	require.NoError(t, err)
	d, err := policy.NewDecider(policy.Options{Files: files, Clock: clock.NewManual(noon)})
	require.NoError(t, err)
	return d
}

func TestEveryRouteHasAPurposeAndAPolicy(t *testing.T) {
	routes := newWorld(t).server.app.Routes()
	require.Greater(t, len(routes), 20)
	for _, fault := range routeFaults(routes, decider(t).Decide) {
		t.Error(fault)
	}
}

func TestRouteRule(t *testing.T) {
	good := web.Needs(policy.LedgerPost, "core.postings")
	deny := func(context.Context, policy.Request) policy.Decision { return policy.Decision{} }
	allow := func(context.Context, policy.Request) policy.Decision { return policy.Decision{Allowed: true} }
	rows := []struct {
		name   string
		access web.Access
		decide func(context.Context, policy.Request) policy.Decision
		want   string
	}{
		{"a purpose, a scope and a policy", good, decider(t).Decide, ""},
		{"open, with its reason", web.Open("public: the contract"), deny, ""},
		{"open without a reason", web.Open("public"), allow, "does not say why"},
		{"no purpose", web.Access{Scope: "x"}, allow, "no purpose"},
		{"no scope", web.Access{Purpose: policy.LedgerPost}, allow, "no scope"},
		{"a token alone, elsewhere", web.Self(identity.Staff), allow, "no one's own sign-in"},
		{"no policy", good, deny, "permitted to nobody"},
		{"a policy that asks for no scope", good, allow, "without its scope"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			faults := strings.Join(routeFaults(map[string]web.Access{"GET /v1/x": row.access}, row.decide), "; ")
			if row.want == "" {
				require.Empty(t, faults)
				return
			}
			require.Contains(t, faults, row.want)
		})
	}
}
