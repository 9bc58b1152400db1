package sqltest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql"
	"nova/sql/sqltest"
)

var (
	makeMark   = sql.Query{Name: "sqltest_make", Text: "CREATE TABLE mark (one int)"}
	countMarks = sql.Query{Name: "sqltest_count", Text: "SELECT count(*) FROM pg_tables WHERE tablename = $1"}
	isThere    = sql.Query{Name: "sqltest_there", Text: "SELECT count(*) FROM pg_database WHERE datname = $1"}
	whoAmI     = sql.Query{Name: "sqltest_who", Text: "SELECT current_database()"}
)

func count(t *testing.T, db *sql.DB, q sql.Query, arg string) (n int) {
	t.Helper()
	require.NoError(t, db.Get(t.Context(), &n, q, arg))
	return n
}

func TestEachCallGivesADatabaseOfItsOwnWithTheSchema(t *testing.T) {
	one, oneURL := sqltest.Open(t)
	two, twoURL := sqltest.Open(t)
	require.NotEqual(t, oneURL, twoURL)
	_, err := one.Exec(t.Context(), makeMark)
	require.NoError(t, err)
	require.Equal(t, 1, count(t, one, countMarks, "mark"))
	require.Equal(t, 0, count(t, two, countMarks, "mark"))
	require.Equal(t, 1, count(t, two, countMarks, "postings"), "the schema is there")
}

func TestDatabaseIsGoneWhenTheTestEnds(t *testing.T) {
	watcher, _ := sqltest.Open(t)
	var name string
	t.Run("a test", func(t *testing.T) {
		_, url := sqltest.Open(t)
		// A pool that the test forgets to close does not keep the database.
		forgotten, err := sql.Open(t.Context(), url, sql.Options{})
		require.NoError(t, err)
		require.NoError(t, forgotten.Get(t.Context(), &name, whoAmI))
	})
	require.Equal(t, 0, count(t, watcher, isThere, name))
}

func TestParallelTestsDoNotWaitForEachOther(t *testing.T) {
	for range 8 {
		t.Run("one", func(t *testing.T) {
			t.Parallel()
			db, _ := sqltest.Open(t)
			require.NoError(t, db.Ping(context.Background()))
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	sqltest.URL(b)
	for b.Loop() {
		sqltest.URL(b)
	}
}
