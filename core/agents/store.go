package agents

import (
	"context"
	"time"

	"github.com/google/uuid"

	"nova/core/fault"
	"nova/core/msisdn"
	"nova/sql"
)

// store alone runs this package's statements.
type store struct{ queries sql.Queries }

func newStore() store { return store{queries: sql.Named("agents")} }

type agentRow struct {
	ID          uuid.UUID     `db:"agent_id"`
	Code        string        `db:"code"`
	Type        Type          `db:"type"`
	LegalName   string        `db:"legal_name"`
	TradingName string        `db:"trading_name"`
	Parent      uuid.NullUUID `db:"parent_id"`
	Status      Status        `db:"agent_status"`
	Float       uuid.UUID     `db:"float_account"`
	Commission  uuid.UUID     `db:"commission_account"`
}

func (r agentRow) agent() Agent {
	return Agent{
		ID: r.ID, Code: r.Code, Type: r.Type, LegalName: r.LegalName, TradingName: r.TradingName,
		Parent: r.Parent.UUID, Status: r.Status, Float: r.Float, Commission: r.Commission,
	}
}

type operatorRow struct {
	agentRow
	OperatorID   uuid.UUID     `db:"id"`
	MSISDN       msisdn.MSISDN `db:"msisdn"`
	Name         string        `db:"name"`
	Role         Role          `db:"role"`
	Language     string        `db:"language"`
	Status       Status        `db:"status"`
	OutletID     uuid.UUID     `db:"outlet_id"`
	OutletCode   string        `db:"outlet_code"`
	OutletName   string        `db:"outlet_name"`
	TimeZone     string        `db:"time_zone"`
	OutletStatus Status        `db:"outlet_status"`
}

func (r operatorRow) operator() Operator {
	agent := r.agent()
	return Operator{
		ID: r.OperatorID, MSISDN: r.MSISDN, Name: r.Name, Role: r.Role, Language: r.Language, Status: r.Status,
		Outlet: Outlet{
			ID: r.OutletID, Agent: agent.ID, Code: r.OutletCode, Name: r.OutletName,
			TimeZone: r.TimeZone, Status: r.OutletStatus,
		},
		Agent: agent,
	}
}

func (s store) operator(ctx context.Context, q sql.Querier, m msisdn.MSISDN, id uuid.UUID) (Operator, error) {
	var row operatorRow
	err := q.Get(ctx, &row, s.queries.Get("operator"), m, id)
	if sql.NoRows(err) {
		return Operator{}, fault.New(fault.NotFound, "no operator %s %s", m, id)
	}
	return row.operator(), err
}

// operatorsOf are the people whom money at each agent concerns, owners first.
func (s store) operatorsOf(
	ctx context.Context, q sql.Querier, wanted []uuid.UUID, most int,
) (map[uuid.UUID][]Operator, error) {
	var rows []operatorRow
	if err := q.Select(ctx, &rows, s.queries.Get("operators_of"), sql.UUIDs(wanted), most); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID][]Operator, len(wanted))
	for _, row := range rows {
		o := row.operator()
		found[o.Agent.ID] = append(found[o.Agent.ID], o)
	}
	return found, nil
}

func (s store) agent(ctx context.Context, q sql.Querier, code string) (Agent, error) {
	var row agentRow
	err := q.Get(ctx, &row, s.queries.Get("agent"), code)
	if sql.NoRows(err) {
		return Agent{}, noAgent()
	}
	return row.agent(), err
}

func (s store) agents(ctx context.Context, q sql.Querier, wanted []uuid.UUID) (map[uuid.UUID]Agent, error) {
	var rows []agentRow
	if err := q.Select(ctx, &rows, s.queries.Get("agents"), sql.UUIDs(wanted)); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]Agent, len(rows))
	for _, row := range rows {
		found[row.ID] = row.agent()
	}
	return found, nil
}

func noAgent() error {
	return fault.New(fault.NotFound, "no such agent").Field("agent_code", "is not known")
}

func (s store) outlet(ctx context.Context, q sql.Querier, code string) (Outlet, error) {
	var row struct {
		ID       uuid.UUID `db:"id"`
		Agent    uuid.UUID `db:"agent_id"`
		Code     string    `db:"code"`
		Name     string    `db:"name"`
		TimeZone string    `db:"time_zone"`
		Status   Status    `db:"status"`
	}
	err := q.Get(ctx, &row, s.queries.Get("outlet"), code)
	if sql.NoRows(err) {
		return Outlet{}, fault.New(fault.NotFound, "no outlet %q", code)
	}
	return Outlet(row), err
}

func (s store) merchant(ctx context.Context, q sql.Querier, till string, id uuid.UUID) (Merchant, error) {
	var row struct {
		ID      uuid.UUID `db:"id"`
		Till    string    `db:"till"`
		Name    string    `db:"name"`
		Status  Status    `db:"status"`
		Account uuid.UUID `db:"account_id"`
	}
	err := q.Get(ctx, &row, s.queries.Get("merchant"), till, id)
	if sql.NoRows(err) {
		return Merchant{}, fault.New(fault.NotFound, "no such merchant").Field("till", "is not known")
	}
	return Merchant(row), err
}

func (s store) setLanguage(ctx context.Context, q sql.Querier, id uuid.UUID, language string, now time.Time) (
	bool, error,
) {
	n, err := q.Exec(ctx, s.queries.Get("set_language"), id, language, now)
	return n == 1, err
}

// setStatus reports false where there is none, or one that is closed.
func (s store) setStatus(ctx context.Context, q sql.Querier, of Part, id uuid.UUID, to Status, now time.Time) (bool, error) {
	statement := map[Part]sql.Query{
		PartAgent: s.queries.Get("set_agent_status"), PartOutlet: s.queries.Get("set_outlet_status"),
		PartOperator: s.queries.Get("set_operator_status"), PartMerchant: s.queries.Get("set_merchant_status"),
	}[of]
	n, err := q.Exec(ctx, statement, id, string(to), now)
	return n == 1, err
}

// operatorsUnder are the people who work for an agent or at an outlet, or one of them, in the order of their ids.
func (s store) operatorsUnder(ctx context.Context, q sql.Querier, of, after uuid.UUID, most int) ([]uuid.UUID, error) {
	var found []uuid.UUID
	err := q.Select(ctx, &found, s.queries.Get("operators_under"), of, after, most)
	return found, err
}

func (s store) insertAgent(ctx context.Context, q sql.Querier, a Agent, now time.Time) error {
	parent := uuid.NullUUID{UUID: a.Parent, Valid: a.Parent != uuid.Nil}
	_, err := q.Exec(ctx, s.queries.Get("insert_agent"), a.ID, a.Code, string(a.Type), a.LegalName, a.TradingName,
		parent, a.Float, a.Commission, now)
	return taken(err, "agents_code_key", "agent_code")
}

func (s store) insertOutlet(ctx context.Context, q sql.Querier, o Outlet, now time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("insert_outlet"), o.ID, o.Agent, o.Code, o.Name, o.TimeZone, now)
	return taken(err, "outlets_code_key", "code")
}

func (s store) insertOperator(ctx context.Context, q sql.Querier, o Operator, now time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("insert_operator"), o.ID, o.Outlet.ID, o.MSISDN, o.Name, string(o.Role),
		o.Language, now)
	return taken(err, "operators_msisdn_key", "msisdn")
}

func (s store) insertMerchant(ctx context.Context, q sql.Querier, m Merchant, now time.Time) error {
	_, err := q.Exec(ctx, s.queries.Get("insert_merchant"), m.ID, m.Till, m.Name, m.Account, now)
	return taken(err, "merchants_till_key", "till")
}

// taken turns the violation of a unique name into the fault that says which field it is.
func taken(err error, constraint, field string) error {
	if sql.Unique(err, constraint) {
		return fault.Wrap(err, fault.DuplicateEntity, "%s", constraint).Field(field, "is taken")
	}
	return err
}
