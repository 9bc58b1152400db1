// Package sqltest gives tests a real PostgreSQL: each call of Open a database of its own, with
// today's schema, gone when the test ends. The cluster is the one that NOVA_TEST_DATABASE_URL
// names; `make test` starts one for all packages.
//
// Its one big rule: no test passes by not running. Without a server a test is skipped loudly,
// and in CI (the variable CI is set) that skip is a failure.
package sqltest

import (
	"os"
	"testing"

	"nova/sql/pglocal"
)

// Variable names the environment variable with the URL of a cluster to make databases in.
const Variable = "NOVA_TEST_DATABASE_URL"

// Missing skips the test because the machine lacks what it needs, and says what to run; in CI
// it fails the test.
func Missing(t testing.TB, what, run string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing, and in CI nothing is skipped: run %s", what, run)
	}
	t.Skipf("NOT TESTED: %s is missing; run %s", what, run)
}

// NeedServer skips the test where no PostgreSQL server is installed.
func NeedServer(t testing.TB) {
	t.Helper()
	if _, err := pglocal.Find(""); err != nil {
		Missing(t, "a PostgreSQL server", "`make test`, which installs one")
	}
}
