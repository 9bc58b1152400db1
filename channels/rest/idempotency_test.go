package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/policy"
	"nova/core/secret"
)

// claims stands for the ledger's claims of keys: the first result of each key, and the body that it came with.
type claims struct {
	mu     sync.Mutex
	bodies map[[32]byte][32]byte
	ran    int
	refuse error
	last   ledger.Key
}

func (c *claims) submit(key ledger.Key, body [32]byte) (ledger.Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = key
	before, again := c.bodies[key.Digest()]
	if again && before != body {
		return ledger.Result{}, fault.New(fault.IdempotencyConflict, "other body")
	}
	if !again {
		c.ran++
		c.bodies[key.Digest()] = body
	}
	return ledger.Result{Receipt: fmt.Sprint("R", c.ran), Replayed: again}, c.refuse
}

type moveInput struct {
	rest.Idempotent
	Body struct {
		Amount        rest.Amount `json:"amount"`
		PIN           secret.Text `json:"pin,omitzero"`
		Note          string      `json:"note,omitempty"`
		Authorization *struct {
			Method string      `json:"method"`
			Code   secret.Text `json:"code,omitzero"`
		} `json:"authorization,omitempty"`
	}
}

type moveOutput struct {
	rest.Replay
	Body struct {
		Receipt string `json:"receipt"`
	}
}

// newMover is an app with one operation that moves money. It exists in this test alone.
func newMover(c *claims) *api {
	a := &api{log: &bytes.Buffer{}}
	a.App = web.New(web.Options{Logger: web.NewLogger(a.log, slog.LevelInfo, "json"), Tokens: issuer{}})
	bodies := secret.EphemeralKeyring().Body
	web.Register(a.App, web.Operation{
		Operation: huma.Operation{OperationID: "move", Method: http.MethodPost, Path: "/v1/test/moves"},
		Access:    web.Needs(policy.CustomerTransact, rest.ScopeWallets),
	}, func(ctx context.Context, in *moveInput) (*moveOutput, error) {
		key, body, err := in.Claim(ctx, bodies)
		if err != nil {
			return nil, err
		}
		result, err := c.submit(key, body)
		replay, err := rest.Answer(result, err)
		out := &moveOutput{Replay: replay}
		out.Body.Receipt = result.Receipt
		return out, err
	})
	return a
}

func move(key, body string) request {
	in := request{Method: "POST", Path: "/v1/test/moves", Token: "all", JSON: json.RawMessage(body)}
	if key != "" {
		in.Headers = map[string]string{"Idempotency-Key": key}
	}
	return in
}

const fifty = `{"amount":{"amount":"50.00","currency":"BBD"},"pin":"739182"}`

func TestTheIdempotencyKeyIsRequired(t *testing.T) {
	rows := []struct{ name, key string }{
		{"none", ""}, {"a space in it", "a b"}, {"longer than 128", strings.Repeat("a", 129)}, {"another alphabet", "clé"},
	}
	c := &claims{bodies: map[[32]byte][32]byte{}}
	a := newMover(c)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			status, _, body := a.do(t, move(row.key, fifty))
			require.Equal(t, 400, status)
			require.Contains(t, string(body), "IDEMPOTENCY_KEY_REQUIRED")
		})
	}
	require.Zero(t, c.ran)
	unauthorized := move("", fifty)
	unauthorized.Token = ""
	status, _, _ := a.do(t, unauthorized)
	require.Equal(t, 401, status, "the token comes first")
}

func TestARetryGetsTheFirstAnswer(t *testing.T) {
	rows := []struct {
		name, body string
		replayed   bool
	}{
		{"the same body", fifty, true},
		{"other white space and order", `{ "pin":"739182", "amount": {"currency":"BBD","amount":"50.00"} }`, true},
		{"another PIN", `{"amount":{"amount":"50.00","currency":"BBD"},"pin":"111111"}`, true},
		{"no PIN", `{"amount":{"amount":"50.00","currency":"BBD"}}`, true},
		{"another amount", `{"amount":{"amount":"50.01","currency":"BBD"},"pin":"739182"}`, false},
		{"a note more", `{"amount":{"amount":"50.00","currency":"BBD"},"note":"x"}`, false},
		{"an authorization more", `{"amount":{"amount":"50.00","currency":"BBD"},"authorization":{"method":"otp","code":"1"}}`, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := &claims{bodies: map[[32]byte][32]byte{}}
			a := newMover(c)
			status, header, _ := a.do(t, move("key-1", fifty))
			require.Equal(t, 200, status)
			require.Empty(t, header.Get("Idempotency-Replayed"))
			status, header, body := a.do(t, move("key-1", row.body))
			require.Equal(t, 1, c.ran)
			if !row.replayed {
				require.Equal(t, 409, status)
				require.Contains(t, string(body), "IDEMPOTENCY_CONFLICT")
				return
			}
			require.Equal(t, 200, status)
			require.Equal(t, "true", header.Get("Idempotency-Replayed"))
			require.JSONEq(t, `{"receipt":"R1"}`, string(body))
			require.NotContains(t, a.log.String(), "739182")
		})
	}
}

func TestAKeyIsInTheCallersOwnScope(t *testing.T) {
	c := &claims{bodies: map[[32]byte][32]byte{}}
	status, _, _ := newMover(c).do(t, move("key-1", fifty))
	require.Equal(t, 200, status)
	// The scope that a handset's hop of the same person is claimed in: a key is never a channel's.
	owner := identity.Subject{Kind: identity.Client, ID: client}
	require.Equal(t, ledger.Key{Scope: owner.Scope(), Operation: "move", Value: "key-1"}, c.last)
}

func TestARefusalIsReplayedToo(t *testing.T) {
	c := &claims{bodies: map[[32]byte][32]byte{}, refuse: fault.New(fault.InsufficientFunds, "")}
	a := newMover(c)
	for _, replayed := range []string{"", "true"} {
		status, header, body := a.do(t, move("key-1", fifty))
		require.Equal(t, 422, status)
		require.Contains(t, string(body), "INSUFFICIENT_FUNDS")
		require.Equal(t, replayed, header.Get("Idempotency-Replayed"))
	}
}

func TestCanonicalBodies(t *testing.T) {
	rows := []struct{ name, body, want string }{
		{"keys are sorted", `{"b":1,"a":2}`, `{"a":2,"b":1}`},
		{"numbers stay as written", `{"a":1.10,"b":9007199254740993}`, `{"a":1.10,"b":9007199254740993}`},
		{"secrets are left out at every depth", `{"pin":"1","x":[{"code":"2","y":{"otp_token":"3","z":4}}]}`, `{"x":[{"y":{"z":4}}]}`},
		{"no body", ``, ``},
		{"null", `null`, `null`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := rest.Canonical([]byte(row.body))
			require.NoError(t, err)
			require.Equal(t, row.want, string(got))
		})
	}
	for _, bad := range []string{"{", "{}{}", "nope"} {
		_, err := rest.Canonical([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{fifty, `{"a":[1,2,{"pin":"1"}]}`, `"x"`, `[]`, ``, `{"a":1e400}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		once, err := rest.Canonical(body)
		if err != nil {
			return
		}
		twice, err := rest.Canonical(once)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice), "canonical form is not a fixed point")
	})
}
