package sql_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"nova/sql"
)

func TestCombineRenumbersParameters(t *testing.T) {
	got := sql.Combine("both",
		sql.Query{Name: "a", Text: "update a set x = $2 where id = $1 or other = $1"},
		sql.Query{Name: "b", Text: "insert into b select $1, $10"})
	require.Equal(t, "both", got.Name)
	require.Equal(t, "with part_0 as (\nupdate a set x = $2 where id = $1 or other = $1\nreturning 1),\n"+
		"part_1 as (\ninsert into b select $3, $12\nreturning 1)\n"+
		"select array[(select count(*) from part_0), (select count(*) from part_1)]", got.Text)
}

func TestColumnWritesArrays(t *testing.T) {
	id := uuid.MustParse("01234567-89ab-7def-8123-456789abcdef")
	cases := map[string]struct {
		fill func(*sql.Column)
		want string
	}{
		"nothing is an empty array": {func(*sql.Column) {}, "{}"},
		"the zero id is null":       {func(c *sql.Column) { c.UUID(id); c.UUID(uuid.Nil) }, "{" + id.String() + ",NULL}"},
		"numbers keep their sign":   {func(c *sql.Column) { c.Int(-1); c.Int(9223372036854775807) }, "{-1,9223372036854775807}"},
		"texts are quoted":          {func(c *sql.Column) { c.Text(`a"b\c`); c.Text(""); c.Text("NULL") }, `{"a\"b\\c","","NULL"}`},
		"truth":                     {func(c *sql.Column) { c.Bool(true); c.Bool(false); c.Null() }, "{t,f,NULL}"},
		"bytes are hex":             {func(c *sql.Column) { c.Bytes([]byte{0, 255}); c.Bytes(nil) }, `{"\\x00ff",NULL}`},
		"times are UTC microseconds": {func(c *sql.Column) {
			c.Time(time.Date(2026, 11, 21, 19, 0, 0, 1000, time.FixedZone("", 7200)))
			c.Time(time.Time{})
		}, "{2026-11-21T17:00:00.000001Z,NULL}"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var column sql.Column
			c.fill(&column)
			require.Equal(t, c.want, column.Array())
		})
	}
}
