package agents_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/core/fault"
	"nova/core/identity"
	"nova/core/secret"
	"nova/sql"
)

func TestAnIssuedPINIsToBeChanged(t *testing.T) {
	w := newWorld(t)
	officer := identity.Subject{Kind: identity.Staff, ID: uuid.MustParse("0197d3a0-0000-7000-8000-000000000001")}
	require.NoError(t, w.agents.IssuePIN(t.Context(), officer, w.clerk.ID, secret.New("8061")))
	st, err := w.identity.Status(t.Context(), w.clerk.Subject())
	require.NoError(t, err)
	require.True(t, st.MustChange)

	var recorded []string
	require.NoError(t, w.db.Select(t.Context(), &recorded, sql.Query{Name: "test.events", Text: `
		select actor || ' ' || action || ' ' || object from audit_events`}))
	require.Equal(t, []string{officer.String() + " operator.pin_issued " + w.clerk.Subject().String()}, recorded)
}

func TestIssuingAPINIsRefused(t *testing.T) {
	w := newWorld(t)
	staff := identity.Subject{Kind: identity.Staff, ID: uuid.New()}
	rows := []struct {
		name     string
		by       identity.Subject
		operator uuid.UUID
		pin      string
		code     fault.Code
	}{
		{"to oneself", w.clerk.Subject(), w.clerk.ID, "8061", fault.CodeForbidden},
		{"by a customer", identity.Subject{Kind: identity.Customer, ID: uuid.New()}, w.clerk.ID, "8061", fault.CodeForbidden},
		{"to nobody", staff, w.agent.ID, "8061", fault.NotFound},
		{"a weak one", staff, w.clerk.ID, "1111", fault.ValidationError},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			refused(t, w.agents.IssuePIN(t.Context(), row.by, row.operator, secret.New(row.pin)), row.code)
			st, err := w.identity.Status(t.Context(), w.clerk.Subject())
			require.NoError(t, err)
			require.False(t, st.MustChange)
		})
	}
}
