package sql_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/sql"
	"nova/sql/sqltest"
)

// TestColumnsArriveAsTheyWereSent asks PostgreSQL what it understood, as text.
func TestColumnsArriveAsTheyWereSent(t *testing.T) {
	url := sqltest.URL(t)
	id := uuid.MustParse("01234567-89ab-7def-8123-456789abcdef")
	cases := map[string]struct {
		kind string
		fill func(*sql.Column)
		want string
	}{
		"nothing is an empty array": {"uuid", func(*sql.Column) {}, "{}"},
		"the zero id is null":       {"uuid", func(c *sql.Column) { c.UUID(id); c.UUID(uuid.Nil) }, "{" + id.String() + ",NULL}"},
		"nothing but null":          {"uuid", func(c *sql.Column) { c.UUID(uuid.Nil) }, "{NULL}"},
		"numbers keep their sign":   {"bigint", func(c *sql.Column) { c.Int(-1); c.Int(9223372036854775807) }, "{-1,9223372036854775807}"},
		"texts are kept":            {"text", func(c *sql.Column) { c.Text(`a"b\c`); c.Text(""); c.Text("NULL") }, `{"a\"b\\c","","NULL"}`},
		"an empty text may be null": {"text", func(c *sql.Column) { c.TextOrNull("a"); c.TextOrNull("") }, `{a,NULL}`},
		"truth":                     {"boolean", func(c *sql.Column) { c.Bool(true); c.Bool(false) }, "{t,f}"},
		"bytes":                     {"bytea", func(c *sql.Column) { c.Bytes([]byte{0, 255}); c.Bytes(nil) }, `{"\\x00ff",NULL}`},
		"dates": {"date", func(c *sql.Column) { c.Date("1999-12-31"); c.Date("2026-11-30"); c.Date("never") },
			"{1999-12-31,2026-11-30,NULL}"},
		"times are UTC microseconds": {"timestamptz", func(c *sql.Column) {
			c.Time(time.Date(2026, 11, 21, 19, 0, 0, 1000, time.FixedZone("", 7200)))
			c.Time(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC))
			c.Time(time.Time{})
		}, `{"2026-11-21 17:00:00.000001+00","1970-01-01 00:00:00+00",NULL}`},
	}
	for _, prepared := range []bool{false, true} {
		db, err := sql.Open(t.Context(), url, sql.Options{Prepared: prepared, Settings: map[string]string{"timezone": "UTC"}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				var column sql.Column
				column.Text("left over")
				column.Reset()
				c.fill(&column)
				var got string
				q := sql.Query{Name: name, Text: "select $1::" + c.kind + "[]::text"}
				require.NoError(t, db.Get(t.Context(), &got, q, column.Array()))
				require.Equal(t, c.want, got)
			})
		}
	}
}
