package sql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql"
)

func TestCombineRenumbersParameters(t *testing.T) {
	got := sql.Combine("both",
		sql.Part{Query: sql.Query{Name: "a", Text: "update a set x = $2 where id = $1 or other = $1"}, Exact: true},
		sql.Part{Query: sql.Query{Name: "b", Text: "insert into b select $1, $10"}})
	require.Equal(t, "both", got.Name)
	require.Equal(t, "with part_0 as (\nupdate a set x = $2 where id = $1 or other = $1\nreturning 1),\n"+
		"part_1 as (\ninsert into b select $3, $12\nreturning 1)\n"+
		"select 1 / (array[(select count(*) from part_0), (select 0 * count(*) from part_1)] = $13::bigint[])::int", got.Text)
}

func TestUnlockedReadsTheSameRows(t *testing.T) {
	got := sql.Unlocked(sql.Query{Name: "look", Text: "select * from (select 1 from a for no key update) l, " +
		"(select updated from b order by id for update) m"})
	require.Equal(t, "look", got.Name)
	require.Equal(t, "select * from (select 1 from a offset 0) l, (select updated from b order by id offset 0) m", got.Text)
}

func TestACombinedStatementThatMeetsOtherRowsChangesNothing(t *testing.T) {
	db := scratch(t)
	both := sql.Combine("both",
		sql.Part{Query: query("update scratch set n = n + 1 where id = any($1::int[])"), Exact: true},
		sql.Part{Query: query("insert into scratch select unnest($1::int[]), 0")})
	_, err := db.Exec(t.Context(), both, sql.Array([]int{1, 9}), sql.Array([]int{3}), sql.Array([]int64{2, 0}))
	require.True(t, sql.Moved(err), "%v", err)
	require.Zero(t, sum(t, db))
	_, err = db.Exec(t.Context(), both, sql.Array([]int{1, 2}), sql.Array([]int{3}), sql.Array([]int64{2, 0}))
	require.NoError(t, err)
	require.Equal(t, 2, sum(t, db))
}
