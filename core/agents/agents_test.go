package agents_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/agents"
	"nova/core/clock"
	"nova/core/fault"
	"nova/core/identity"
	"nova/core/ledger"
	"nova/core/money"
	"nova/core/msisdn"
	"nova/core/secret"
	"nova/sql"
	"nova/sql/sqltest"
)

var noon = time.Date(2026, time.November, 18, 16, 0, 0, 0, time.UTC)

// world is a database with one agent, its outlet and its operator.
type world struct {
	t        *testing.T
	db       *sql.DB
	ledger   *ledger.Store
	identity *identity.Service
	agents   *agents.Service
	agent    agents.Agent
	outlet   agents.Outlet
	clerk    agents.Operator
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, _ := sqltest.Open(t)
	now, keyring := clock.NewManual(noon), secret.EphemeralKeyring()
	w := &world{t: t, db: db, ledger: ledger.NewStore(db, now)}
	w.identity = identity.New(identity.Options{
		DB: db, Keys: w.ledger, Credentials: identity.NewCredentials(keyring, identity.CredentialOptions{}),
		Keyring: keyring, Clock: now,
	})
	w.agents = agents.New(agents.Options{DB: db, Ledger: w.ledger, Identity: w.identity, Clock: now, Currency: money.BBD})
	var err error
	w.agent, err = w.agents.CreateAgent(t.Context(), agents.NewAgent{
		Code: "100011", Type: agents.Ordinary, LegalName: "Oistins Corner Shop Ltd", TradingName: "Oistins Corner Shop",
	})
	require.NoError(t, err)
	w.outlet, err = w.agents.CreateOutlet(t.Context(), agents.NewOutlet{
		Agent: w.agent.ID, Code: "100011-1", Name: "Oistins", TimeZone: "America/Barbados",
	})
	require.NoError(t, err)
	w.clerk = w.operator("12462500011", agents.Cashier)
	return w
}

func (w *world) operator(digits string, role agents.Role) agents.Operator {
	w.t.Helper()
	m, err := msisdn.FromNetwork(digits)
	require.NoError(w.t, err)
	o, err := w.agents.CreateOperator(w.t.Context(), agents.NewOperator{
		Outlet: w.outlet.ID, MSISDN: m, Name: "Ann", Role: role, Language: "en", PIN: secret.New("2468"),
	})
	require.NoError(w.t, err)
	return o
}

func refused(t *testing.T, err error, code fault.Code) *fault.Error {
	t.Helper()
	require.Error(t, err)
	require.True(t, fault.Is(err, code), "want %s, got %v", code, err)
	return fault.From(err)
}

func TestAnOperatorComesWithOutletAndAgent(t *testing.T) {
	w := newWorld(t)
	found, err := w.agents.OperatorByMSISDN(t.Context(), w.clerk.MSISDN)
	require.NoError(t, err)
	require.Equal(t, agents.Operator{
		ID: w.clerk.ID, MSISDN: w.clerk.MSISDN, Name: "Ann", Role: agents.Cashier, Language: "en", Status: agents.Active,
		Outlet: w.outlet, Agent: w.agent,
	}, found)
	require.NoError(t, found.Usable())
	byID, err := w.agents.OperatorByID(t.Context(), w.clerk.ID)
	require.NoError(t, err)
	require.Equal(t, found, byID)
	has, err := w.identity.HasPIN(t.Context(), found.Subject())
	require.NoError(t, err)
	require.True(t, has)
}

func TestAnAgentHasAFloatAndACommissionAccount(t *testing.T) {
	w := newWorld(t)
	for product, id := range map[ledger.Product]uuid.UUID{ledger.Float: w.agent.Float, ledger.Commission: w.agent.Commission} {
		account, err := w.ledger.Account(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, product, account.Product)
		require.Equal(t, w.agent.ID.String(), account.OwnerID)
		require.NotNil(t, account.Floor, "nobody overdraws it")
	}
}

func TestWhoStandsUnderASuspendedAgentMayNotWork(t *testing.T) {
	w := newWorld(t)
	rows := []struct {
		name   string
		status agents.Status
		code   fault.Code
	}{
		{"suspended", agents.Suspended, fault.AccountFrozen},
		{"reinstated", agents.Active, ""},
		{"closed", agents.Closed, fault.AccountClosed},
	}
	parts := map[agents.Part]uuid.UUID{
		agents.PartOperator: w.clerk.ID, agents.PartOutlet: w.outlet.ID, agents.PartAgent: w.agent.ID,
	}
	for _, of := range []agents.Part{agents.PartOperator, agents.PartOutlet, agents.PartAgent} {
		for _, row := range rows {
			if row.status == agents.Closed && of != agents.PartAgent {
				continue // it stays so, and the next part is to be tried as well
			}
			require.NoError(t, w.set(of, parts[of], row.status))
			o, err := w.agents.OperatorByID(t.Context(), w.clerk.ID)
			require.NoError(t, err, "whatever their status")
			if row.code == "" {
				require.NoError(t, o.Usable(), row.name)
				continue
			}
			refused(t, o.Usable(), row.code)
		}
	}
	refused(t, w.set(agents.PartAgent, w.agent.ID, agents.Active), fault.NotFound)
	refused(t, w.set(agents.PartOutlet, w.outlet.ID, "asleep"), fault.ValidationError)
	refused(t, w.set(agents.PartAgent, w.outlet.ID, agents.Closed), fault.NotFound)
	refused(t, w.set("shop", w.outlet.ID, agents.Closed), fault.ValidationError)

	var recorded []string
	require.NoError(t, w.db.Select(t.Context(), &recorded, sql.Query{Name: "test.record", Text: `
		select actor || ' ' || action || ' ' || object || ' ' || detail from audit_events order by id`}))
	require.Len(t, recorded, 7, "what was refused left no record")
	require.Contains(t, recorded, "nova operator.status "+w.clerk.Subject().String()+` {"reason":"seen","to":"suspended"}`)
}

// set changes a status.
func (w *world) set(of agents.Part, id uuid.UUID, to agents.Status) error {
	return w.agents.SetStatus(w.t.Context(), identity.Subject{}, agents.Change{Of: of, ID: id, To: to, Why: "seen"})
}

func TestWhoWorksUnderWhomIsFound(t *testing.T) {
	w := newWorld(t)
	second := w.operator("12462500012", agents.Viewer)
	rows := []struct {
		name      string
		of, after uuid.UUID
		want      []uuid.UUID
	}{
		{"an agent's", w.agent.ID, uuid.Nil, []uuid.UUID{w.clerk.ID, second.ID}},
		{"an outlet's", w.outlet.ID, uuid.Nil, []uuid.UUID{w.clerk.ID, second.ID}},
		{"the next page", w.outlet.ID, w.clerk.ID, []uuid.UUID{second.ID}},
		{"one", second.ID, uuid.Nil, []uuid.UUID{second.ID}},
		{"nobody's", uuid.New(), uuid.Nil, nil},
	}
	slices.SortFunc(rows[0].want, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	rows[1].want = rows[0].want
	rows[2].after, rows[2].want = rows[0].want[0], rows[0].want[1:]
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			found, err := w.agents.OperatorsUnder(t.Context(), row.of, row.after)
			require.NoError(t, err)
			require.Equal(t, row.want, found)
		})
	}
}

func TestAViewerMayOnlyLook(t *testing.T) {
	w := newWorld(t)
	refused(t, w.operator("12462500012", agents.Viewer).Usable(), fault.CodeForbidden)
}

func TestOwnersAreToldFirstAndViewersNever(t *testing.T) {
	w := newWorld(t)
	owner := w.operator("12462500013", agents.Owner)
	w.operator("12462500014", agents.Viewer)
	shop, err := w.agents.StaffedByID(t.Context(), w.agent.ID)
	require.NoError(t, err)
	require.Equal(t, agents.Staffed{Agent: w.agent, Operators: []agents.Operator{owner, w.clerk}}, shop)
}

func TestAnAgentWithoutStaffIsFoundAndNobodyIsNot(t *testing.T) {
	w := newWorld(t)
	lonely, err := w.agents.CreateAgent(t.Context(), agents.NewAgent{Code: "100099", Type: agents.Ordinary})
	require.NoError(t, err)
	shop, err := w.agents.StaffedByID(t.Context(), lonely.ID)
	require.NoError(t, err)
	require.Equal(t, agents.Staffed{Agent: lonely}, shop)
	_, err = w.agents.StaffedByID(t.Context(), uuid.New())
	refused(t, err, fault.NotFound)
}

func TestCodesTillsAndNumbersAreUnique(t *testing.T) {
	w := newWorld(t)
	_, err := w.agents.CreateAgent(t.Context(), agents.NewAgent{Code: "100011", Type: agents.Ordinary})
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "agent_code")
	_, err = w.agents.CreateOutlet(t.Context(), agents.NewOutlet{Agent: w.agent.ID, Code: "100011-1"})
	refused(t, err, fault.DuplicateEntity)
	_, err = w.agents.CreateOperator(t.Context(), agents.NewOperator{
		Outlet: w.outlet.ID, MSISDN: w.clerk.MSISDN, Role: agents.Owner, PIN: secret.New("2468"),
	})
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "msisdn")
	_, err = w.agents.CreateMerchant(t.Context(), "500001", "Cheapside Market")
	require.NoError(t, err)
	_, err = w.agents.CreateMerchant(t.Context(), "500001", "Another")
	require.Contains(t, refused(t, err, fault.DuplicateEntity).Fields, "till")
	var accounts int
	err = w.db.Get(t.Context(), &accounts, sql.Query{Name: "test.accounts", Text: "select count(*) from accounts"})
	require.NoError(t, err)
	require.Equal(t, 3, accounts, "what was refused left no account behind")
}

func TestFinding(t *testing.T) {
	w := newWorld(t)
	merchant, err := w.agents.CreateMerchant(t.Context(), "500001", "Cheapside Market")
	require.NoError(t, err)
	byTill, err := w.agents.MerchantByTill(t.Context(), "500001")
	require.NoError(t, err)
	require.Equal(t, merchant, byTill)
	byCode, err := w.agents.AgentByCode(t.Context(), "100011")
	require.NoError(t, err)
	require.Equal(t, w.agent, byCode)
	outlet, err := w.agents.OutletByCode(t.Context(), "100011-1")
	require.NoError(t, err)
	require.Equal(t, w.outlet, outlet)

	_, err = w.agents.AgentByCode(t.Context(), "1")
	require.Contains(t, refused(t, err, fault.NotFound).Fields, "agent_code")
	_, err = w.agents.MerchantByTill(t.Context(), "1")
	require.Contains(t, refused(t, err, fault.NotFound).Fields, "till")
	_, err = w.agents.OutletByCode(t.Context(), "1")
	refused(t, err, fault.NotFound)
	_, err = w.agents.OperatorByID(t.Context(), w.agent.ID)
	refused(t, err, fault.NotFound)

	require.NoError(t, w.set(agents.PartMerchant, merchant.ID, agents.Closed))
	byID, err := w.agents.MerchantByID(t.Context(), merchant.ID)
	require.NoError(t, err)
	refused(t, byID.Usable(), fault.AccountClosed)
	require.NoError(t, w.agents.SetLanguage(t.Context(), w.clerk.ID, "fr"))
	o, err := w.agents.OperatorByID(t.Context(), w.clerk.ID)
	require.NoError(t, err)
	require.Equal(t, "fr", o.Language)
}
