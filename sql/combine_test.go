package sql_test

import (
	"testing"

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
