package payments_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/core/payments"
	"nova/core/secret"
	"nova/sql"
)

// column is one that text or bytes could hide in.
type column struct {
	Table  string `db:"table_name"`
	Column string `db:"column_name"`
	Type   string `db:"data_type"`
}

// dump reads every text and binary column of the database into one text; bytes stand in it as PostgreSQL writes them,
// in hexadecimal.
func (w *world) dump() string {
	w.t.Helper()
	var columns []column
	err := w.db.Select(w.t.Context(), &columns, sql.Query{Name: "test.columns", Text: `
		select table_name, column_name, data_type from information_schema.columns
		where table_schema = 'public' and data_type in ('text', 'character', 'character varying', 'bytea', 'json', 'jsonb')`})
	require.NoError(w.t, err)
	require.Greater(w.t, len(columns), 40, "the search must see the schema")
	var all strings.Builder
	for _, c := range columns {
		var values []string
		err := w.db.Select(w.t.Context(), &values, sql.Query{Name: "test.dump", Text: fmt.Sprintf(
			`select coalesce(%s::text, '') from %s`, sql.Literal(c.Column), sql.Literal(c.Table))})
		require.NoError(w.t, err)
		all.WriteString(strings.Join(values, "\n") + "\n")
	}
	return all.String()
}

func TestNoSecretStandsInClearInTheDatabase(t *testing.T) {
	w := newWorld(t)
	code, o := w.issue()
	_, err := w.payments.IssueCode(t.Context(), o)
	require.NoError(t, err)
	wrongPIN, wrongCode := "864209", "975310"
	order := w.redeem(secret.New(wrongCode))
	_, err = w.payments.RedeemCode(t.Context(), order)
	require.Error(t, err)
	bad := w.send()
	bad.Promise = true
	bad.Proof = w.identity.PIN(w.marcia.Subject(), secret.New(wrongPIN))
	_, err = w.payments.Send(t.Context(), bad)
	require.Error(t, err)
	_, err = w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	require.NoError(t, err)

	dump := w.dump()
	require.Contains(t, dump, "Oistins Corner Shop", "the dump must hold what is in the database")
	for name, canary := range map[string]string{
		"PIN": marciaPIN, "operator's PIN": clerkPIN, "wrong PIN": wrongPIN, "code": code.Secret.Reveal(),
		"wrong code": wrongCode, "ID number": "ID12462501001",
	} {
		require.NotContains(t, withoutBytes(dump), canary, name)
		require.NotContains(t, dump, hex.EncodeToString([]byte(canary)), "%s as bytes", name)
	}
}

// withoutBytes takes out the binary values, in whose hexadecimal form six digits may stand by chance.
func withoutBytes(dump string) string {
	var kept []string
	for _, value := range strings.Split(dump, "\n") {
		if strings.HasPrefix(value, `\x`) {
			continue
		}
		kept = append(kept, value)
	}
	return strings.Join(kept, "\n")
}

func TestAUsedCodeIsErased(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	_, err := w.payments.RedeemCode(t.Context(), w.redeem(code.Secret))
	require.NoError(t, err)
	var left int
	err = w.db.Get(t.Context(), &left, sql.Query{Name: "test.codes", Text: `
		select count(*) from holds where code_hash is not null or code_sealed is not null`})
	require.NoError(t, err)
	require.Zero(t, left)
}

func TestTheNoticeOfACodeHoldsItSealed(t *testing.T) {
	w := newWorld(t)
	code, _ := w.issue()
	var row struct {
		ID     string `db:"id"`
		Sealed []byte `db:"sealed"`
		Args   string `db:"args"`
	}
	err := w.db.Get(t.Context(), &row, sql.Query{Name: "test.notice", Text: `
		select id, sealed, args from notices where template = 'sms.code.issued'`})
	require.NoError(t, err)
	require.JSONEq(t, `{"amount":"100.00","fee":"1.00","currency":"BBD","until":"12:30"}`, row.Args)
	plain, err := w.keyring.Field.Open(row.Sealed, "notices|sealed|"+row.ID)
	require.NoError(t, err)
	require.Equal(t, code.Secret.Reveal(), string(plain))
	require.Equal(t, "code", payments.SealedArg)
}
