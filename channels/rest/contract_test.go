package rest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
)

func escape(s string) string { return url.QueryEscape(s) }

// operationsOf are the operations of a path, by whatever method.
func operationsOf(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// access lists every route and what it asks for. A route that is added without a line here fails: whoever adds it
// says who may call it.
const access = `
DELETE /v1/agent/auth/devices/:device_id own operator
DELETE /v1/agent/auth/sessions/:session_id own operator
DELETE /v1/clients/:client_id config.change clients
DELETE /v1/core/accounts/:account_id/grants/:client_id ledger.post core.accounts
DELETE /v1/customer/auth/devices/:device_id own customer
DELETE /v1/customer/auth/sessions/:session_id own customer
GET /.well-known/jwks.json open
GET /docs open
GET /docs/docs.js open
GET /docs/swagger-ui-bundle.js open
GET /docs/swagger-ui.css open
GET /openapi.json open
GET /v1/agent/auth/devices own operator
GET /v1/agent/auth/sessions own operator
GET /v1/agent/me agent.transact self
GET /v1/approvals customer.account.view approvals
GET /v1/approvals/:approval_id customer.account.view approvals
GET /v1/clients config.change clients
GET /v1/clients/:client_id config.change clients
GET /v1/core/accounts/:account_id customer.account.view core.accounts
GET /v1/core/accounts/:account_id/balances customer.account.view core.accounts
GET /v1/core/holds/:hold_id customer.account.view core.holds
GET /v1/core/integrity finance.settle core.integrity
GET /v1/core/overdraft-lines customer.account.view core.products
GET /v1/core/postings/:posting_id customer.account.view core.postings
GET /v1/core/savings-products customer.account.view core.products
GET /v1/customer/auth/devices own customer
GET /v1/customer/auth/sessions own customer
GET /v1/customer/me customer.account.view self
GET /v1/health open
GET /v1/ops/audit fraud.review ops.audit
GET /v1/ops/audit/verify fraud.review ops.audit
GET /v1/ops/customers/:customer_id support.investigate ops.customers
GET /v1/ops/staff config.change ops.staff
GET /v1/ops/staff/:staff_id config.change ops.staff
GET /v1/txns/:txn_id customer.account.view txns.read
GET /v1/wallets/:wallet_id/balance customer.account.view wallets.read
GET /v1/wallets/:wallet_id/transactions customer.account.view wallets.read
PATCH /v1/core/accounts/:account_id ledger.post core.accounts
PATCH /v1/core/overdraft-lines config.change core.products
POST /v1/agent/auth/device-bind own operator
POST /v1/agent/auth/login open
POST /v1/agent/auth/logout own operator
POST /v1/agent/auth/otp/request open
POST /v1/agent/auth/otp/verify open
POST /v1/agent/auth/pin open
POST /v1/agent/auth/refresh open
POST /v1/approvals/:approval_id/approve customer.account.view approvals
POST /v1/approvals/:approval_id/reject customer.account.view approvals
POST /v1/auth/stepup/complete customer.account.view self
POST /v1/clients config.change clients
POST /v1/clients/:client_id/rotate config.change clients
POST /v1/core/accounts ledger.post core.accounts
POST /v1/core/holds ledger.post core.holds
POST /v1/core/holds/:hold_id/capture ledger.post core.holds
POST /v1/core/holds/:hold_id/release ledger.post core.holds
POST /v1/core/limits/check customer.account.view core.limits
POST /v1/core/overdraft-lines config.change core.products
POST /v1/core/postings ledger.post core.postings
POST /v1/core/postings/:posting_id/reverse ledger.post core.postings
POST /v1/core/savings-products config.change core.products
POST /v1/core/statements customer.account.view core.statements
POST /v1/customer/auth/device-bind own customer
POST /v1/customer/auth/login open
POST /v1/customer/auth/logout own customer
POST /v1/customer/auth/otp/request open
POST /v1/customer/auth/otp/verify open
POST /v1/customer/auth/pin open
POST /v1/customer/auth/refresh open
POST /v1/customer/ussd/block customer.transact self
POST /v1/customer/ussd/unblock customer.transact self
POST /v1/oauth/token open
POST /v1/ops/agents/:id/reinstate config.change ops.agents
POST /v1/ops/agents/:id/suspend config.change ops.agents
POST /v1/ops/auth/login open
POST /v1/ops/auth/logout open
POST /v1/ops/auth/password own staff
POST /v1/ops/auth/refresh open
POST /v1/ops/auth/totp own staff
POST /v1/ops/auth/totp/confirm own staff
POST /v1/ops/customers/:customer_id/pin/reset support.investigate ops.customers
POST /v1/ops/customers/:customer_id/pin/unlock support.investigate ops.customers
POST /v1/ops/customers/:customer_id/reinstate support.investigate ops.customers
POST /v1/ops/customers/:customer_id/sim-swap support.investigate ops.customers
POST /v1/ops/customers/:customer_id/suspend support.investigate ops.customers
POST /v1/ops/customers/:customer_id/ussd/block support.investigate ops.customers
POST /v1/ops/customers/:customer_id/ussd/unblock support.investigate ops.customers
POST /v1/ops/customers/lookup support.investigate ops.customers
POST /v1/ops/merchants/:id/reinstate config.change ops.agents
POST /v1/ops/merchants/:id/suspend config.change ops.agents
POST /v1/ops/operators/:id/reinstate config.change ops.agents
POST /v1/ops/operators/:id/suspend config.change ops.agents
POST /v1/ops/outlets/:id/reinstate config.change ops.agents
POST /v1/ops/outlets/:id/suspend config.change ops.agents
POST /v1/ops/staff config.change ops.staff
POST /v1/ops/staff/:staff_id/disable config.change ops.staff
POST /v1/ops/staff/:staff_id/enable config.change ops.staff
POST /v1/ops/staff/:staff_id/password/reset config.change ops.staff
POST /v1/ops/staff/:staff_id/totp/reset config.change ops.staff
POST /v1/txns/cashin agent.transact txns.write
POST /v1/txns/p2p customer.transact txns.write
PUT /v1/core/accounts/:account_id/grants/:client_id ledger.post core.accounts
PUT /v1/ops/staff/:staff_id/roles config.change ops.staff
`

func TestEveryRouteSaysWhoMayCallIt(t *testing.T) {
	a := newAPI(t, 1)
	require.Empty(t, a.Undeclared())
	var lines []string
	for route, needs := range a.Routes() {
		if needs.Open != "" {
			lines = append(lines, route+" open")
			continue
		}
		if needs.Self != "" {
			lines = append(lines, route+" own "+string(needs.Self))
			continue
		}
		lines = append(lines, route+" "+string(needs.Purpose)+" "+needs.Scope)
		require.True(t, slices.Contains(slices.Concat(rest.Scopes(), rest.PersonScopes()), needs.Scope) != slices.Contains(staffScopes(), needs.Scope),
			"%s is for clients and people, or for staff", needs.Scope)
	}
	slices.Sort(lines)
	require.Equal(t, strings.TrimSpace(access), strings.Join(lines, "\n"))
}

// staffScopes are those that no client is granted.
func staffScopes() []string {
	return []string{rest.ScopeStaff, rest.ScopeOpsCustomers, rest.ScopeOpsAgents, rest.ScopeAudit}
}

func TestNoClientIsGrantedWhatIsForStaff(t *testing.T) {
	for _, scope := range staffScopes() {
		require.NotContains(t, rest.Scopes(), scope)
	}
}

func TestTheContractIsReviewed(t *testing.T) {
	const file = "testdata/openapi.json"
	document, err := json.MarshalIndent(newAPI(t, 1).API().OpenAPI(), "", "  ")
	require.NoError(t, err)
	document = append(document, '\n')
	if *update {
		require.NoError(t, os.WriteFile(file, document, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), string(document), "the contract changed: go test ./channels/rest -update, and read the difference")
}

// TestDocumentedExamplesAreValid checks each example against the schema that it stands in.
func TestDocumentedExamplesAreValid(t *testing.T) {
	api := newAPI(t, 1).API().OpenAPI()
	registry, checked := api.Components.Schemas, 0
	check := func(where string, s *huma.Schema, example any) {
		checked++
		require.Empty(t, problems(registry, s, example), "%s: the example is not valid", where)
	}
	for name, schema := range registry.Map() {
		for property, s := range schema.Properties {
			for _, example := range s.Examples {
				check(name+"."+property, s, example)
			}
		}
	}
	for path, item := range api.Paths {
		for _, op := range operationsOf(item) {
			require.NotEmpty(t, op.Summary, path)
			for _, p := range op.Parameters {
				for _, example := range append([]any{p.Example}, p.Schema.Examples...) {
					if example != nil {
						check(path+" "+p.Name, p.Schema, example)
					}
				}
			}
		}
	}
	require.Greater(t, checked, 30, "hardly any example is checked")
}

// problems validates a value as huma validates a body. It goes through JSON, as a body does.
func problems(registry huma.Registry, s *huma.Schema, value any) []error {
	text, err := json.Marshal(value)
	if err != nil {
		return []error{err}
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return []error{err}
	}
	result := &huma.ValidateResult{}
	huma.Validate(registry, s, huma.NewPathBuffer([]byte{}, 0), huma.ModeReadFromServer, plain, result)
	return result.Errors
}

// TestAnswersAreAsDocumented checks every golden answer against the schema of its operation and status.
func TestAnswersAreAsDocumented(t *testing.T) {
	api := newAPI(t, 1).API().OpenAPI()
	files, err := filepath.Glob("testdata/*_*.json")
	require.NoError(t, err)
	for _, file := range files {
		id := strings.TrimSuffix(filepath.Base(file), ".json")
		op := find(api, id)
		require.NotNil(t, op, "%s is the file of no operation", file)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var exchanges []exchange
		require.NoError(t, json.Unmarshal(text, &exchanges))
		for _, e := range exchanges {
			t.Run(id+" "+e.Name, func(t *testing.T) {
				if e.Status == http.StatusNoContent {
					require.Equal(t, "null", string(e.Response))
					return
				}
				media := answer(op, e.Status)
				require.NotNil(t, media, "status %d is not documented", e.Status)
				require.Empty(t, problems(api.Components.Schemas, media.Schema, e.Response))
			})
		}
	}
}

func find(api *huma.OpenAPI, id string) *huma.Operation {
	for _, item := range api.Paths {
		for _, op := range operationsOf(item) {
			if op.OperationID == id {
				return op
			}
		}
	}
	return nil
}

func answer(op *huma.Operation, status int) *huma.MediaType {
	documented := op.Responses[jsonNumber(status)]
	if documented == nil {
		return nil
	}
	return documented.Content["application/json"]
}

func jsonNumber(n int) string {
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(n) // an int always encodes
	return strings.TrimSpace(b.String())
}
