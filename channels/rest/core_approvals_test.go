package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/channels/rest"
	"nova/channels/web"
	"nova/core/approvals"
	"nova/core/clock"
	"nova/core/ids"
	"nova/core/secret"
	"nova/sql"
	"nova/sql/sqltest"
)

// What cmd hands over.
var _ rest.Approvals = (*approvals.Service)(nil)

// counted is an effect that counts what was decided.
type counted struct{ approved, rejected int }

func (c *counted) ApproveIn(context.Context, *sql.Tx, approvals.Approval) error {
	c.approved++
	return nil
}

func (c *counted) RejectIn(context.Context, *sql.Tx, approvals.Approval) error {
	c.rejected++
	return nil
}

// TestApprovalsOverPostgreSQL walks what waits for the golden files' caller, who holds every purpose.
func TestApprovalsOverPostgreSQL(t *testing.T) {
	db, _ := sqltest.Open(t)
	at := clock.NewManual(now)
	effect := &counted{}
	service := approvals.New(db, at, approvals.Registry{"reversal": effect})
	a := &api{log: &bytes.Buffer{}, clock: at}
	a.App = web.New(web.Options{Logger: web.NewLogger(a.log, slog.LevelInfo, "json"), Tokens: issuer{}})
	rest.Mount(a.App, rest.Options{
		Tokens: issuer{}, Bank: newFakeBank(), Approvals: service, Pages: secret.EphemeralKeyring().Body, Clock: at,
		Health: rest.NewHealth(rest.HealthOptions{Clock: at}),
	})
	propose := func(maker, audience uuid.UUID, purpose, subject string) string {
		var made approvals.Approval
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) (err error) {
			made, err = service.ProposeIn(ctx, tx, approvals.Proposal{
				Kind: "reversal", Subject: subject, Payload: `{"reason":"wrong number"}`, Summary: "reversal", Purpose: purpose,
				Audience: audience, Maker: approvals.Actor{Kind: "operator", ID: maker}, ExpiresAt: now.Add(time.Hour),
			})
			return err
		}))
		return made.ID.String()
	}
	propose(andre, uuid.Nil, "operations.reverse", "a")
	propose(andre, client, "operations.reverse", "b")
	own := propose(client, uuid.Nil, "operations.reverse", "c")
	propose(andre, marcia, "operations.reverse", "d")
	call := func(method, path string, want int) map[string]any {
		t.Helper()
		status, _, body := a.do(t, request{Method: method, Path: path, Token: "all"})
		require.Equal(t, want, status, string(body))
		fields := map[string]any{}
		require.NoError(t, json.Unmarshal(body, &fields))
		return fields
	}
	list := call("GET", "/v1/approvals", 200)["data"].([]any)
	require.Len(t, list, 2, "not one's own, and nothing that is meant for others")
	first := "/v1/approvals/" + list[0].(map[string]any)["approval_id"].(string)
	page := call("GET", "/v1/approvals?page_size=1", 200)
	require.Equal(t, true, page["has_more"])
	second := call("GET", "/v1/approvals?page_size=1&page_token="+page["next_page_token"].(string), 200)
	require.Equal(t, false, second["has_more"])
	require.NotEqual(t, page["data"], second["data"])

	require.Equal(t, map[string]any{"reason": "wrong number"}, call("GET", first, 200)["proposal"])
	require.Equal(t, "approved", call("POST", first+"/approve", 200)["status"])
	require.Equal(t, "INVALID_STATE", call("POST", first+"/reject", 409)["errorCode"])
	require.Equal(t, "approved", call("GET", first, 200)["status"])
	require.Equal(t, counted{approved: 1}, *effect)

	mine := "/v1/approvals/" + ids.Format("apv", uuid.MustParse(own))
	require.Equal(t, "pending", call("GET", mine, 200)["status"])
	require.Equal(t, "MAKER_CHECKER_VIOLATION", call("POST", mine+"/approve", 409)["errorCode"])
	at.Advance(2 * time.Hour)
	late := "/v1/approvals/" + second["data"].([]any)[0].(map[string]any)["approval_id"].(string)
	require.Equal(t, "QUOTE_EXPIRED", call("POST", late+"/approve", 410)["errorCode"])
	require.Empty(t, call("GET", "/v1/approvals", 200)["data"])
	require.Equal(t, counted{approved: 1}, *effect)
}
