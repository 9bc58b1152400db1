package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/configs"
	"nova/core/agents"
	"nova/core/clock"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sessions/redistest"
	"nova/sql"
	"nova/sql/sqltest"
)

// seeded is a Nova whose demonstration was seeded twice: the second run must change nothing.
func seeded(t *testing.T) *parts {
	t.Helper()
	_, database := sqltest.Open(t)
	config := configs.Default(configs.Development)
	config.DatabaseURL, config.RedisURL = secret.New(database), secret.New(redistest.Start(t).URL())
	config.KeysDir, config.CheckpointsDir = t.TempDir(), t.TempDir()
	p, err := open(t.Context(), config, slog.New(slog.DiscardHandler), clock.NewManual(noon))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.close(context.Background())) })
	require.NoError(t, p.seed(t.Context()))
	before := p.rows(t)
	require.NoError(t, p.seed(t.Context()))
	require.Equal(t, before, p.rows(t), "a second run changed something")
	return p
}

// rows counts what the seed writes.
func (p *parts) rows(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, table := range []string{
		"accounts", "postings", "entries", "agents", "outlets", "operators", "customers", "merchants", "credentials",
		"clients", "idempotency_keys", "notices", "savings_products", "savings_terms",
	} {
		var n int
		query := sql.Query{Name: "test.rows", Text: "select count(*) from " + sql.Literal(table)}
		require.NoError(t, p.db.Get(t.Context(), &n, query))
		counts[table] = n
	}
	return counts
}

func TestTheDemonstrationIsAsDesigned(t *testing.T) {
	p := seeded(t)
	posted := func(account uuid.UUID) int64 {
		t.Helper()
		b, err := p.ledger.Balance(t.Context(), account)
		require.NoError(t, err)
		return b.Posted
	}
	require.EqualValues(t, 57_200_00, posted(p.books.Trust))
	for _, row := range []struct {
		code, parent, digits, pin string
		float                     int64
	}{
		{"100001", "", "12462500001", "2580", 50_000_00},
		{"100011", "100001", "12462500011", "2468", 5_000_00},
		{"100012", "100001", "12462500012", "2469", 1_000_00},
	} {
		operator, err := p.agents.OperatorByMSISDN(t.Context(), demoNumber(t, row.digits))
		require.NoError(t, err)
		require.NoError(t, operator.Usable())
		require.Equal(t, row.code, operator.Agent.Code)
		require.Equal(t, row.float, posted(operator.Agent.Float))
		p.proves(t, operator.Subject(), row.pin)
		if row.parent == "" {
			require.Equal(t, agents.SuperAgent, operator.Agent.Type)
			continue
		}
		parent, err := p.agents.AgentByCode(t.Context(), row.parent)
		require.NoError(t, err)
		require.Equal(t, parent.ID, operator.Agent.Parent)
	}
	for _, row := range []struct {
		shown, digits, pin string
		tier               int
		balance            int64
	}{
		{"Marcia B.", "12462501001", "1357", 1, 200_00},
		{"Andre C.", "12462501002", "1358", 1, 0},
		{"Shanice H.", "12462501003", "1359", 2, 1_000_00},
	} {
		c, err := p.customers.ByMSISDN(t.Context(), demoNumber(t, row.digits))
		require.NoError(t, err)
		require.Equal(t, []any{row.shown, row.tier, row.balance}, []any{c.Shown(), c.Tier, posted(c.Wallet)})
		p.proves(t, c.Subject(), row.pin)
	}
	merchant, err := p.agents.MerchantByTill(t.Context(), "500001")
	require.NoError(t, err)
	require.Equal(t, "Cheapside Market", merchant.Name)
	savings, err := p.products.Offered(t.Context())
	require.NoError(t, err)
	require.Equal(t, []any{"Nova Savings", 250, amount(10_00)}, []any{savings.Name, savings.RateBPS, savings.Minimum})
	report, err := p.ledger.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, report.Breach)
}

func TestTheDemonstrationsClientHasEveryScopeAndPurpose(t *testing.T) {
	p := seeded(t)
	token, err := p.tokens.ClientCredentials(t.Context(), "demo", secret.New("demo-secret"))
	require.NoError(t, err)
	principal, err := p.tokens.Verify(t.Context(), token.Access)
	require.NoError(t, err)
	require.Len(t, principal.Purposes, 14)
	require.True(t, principal.HasScope("ussd.gateway"))
}

// proves asserts that a PIN is somebody's.
func (p *parts) proves(t *testing.T, who identity.Subject, pin string) {
	t.Helper()
	key := ledger.Key{Scope: who.Scope(), Operation: "test", Value: "1"}
	require.NoError(t, p.identity.Authenticate(t.Context(), key, p.identity.PIN(who, secret.New(pin))))
}

func demoNumber(t *testing.T, digits string) msisdn.MSISDN {
	t.Helper()
	m, err := msisdn.FromNetwork(digits)
	require.NoError(t, err)
	return m
}
