package pglocal_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"nova/sql/pglocal"
)

// A server that no distribution's folder names is found on the PATH, and says its version.
func TestServerOnThePathIsFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 7.4 (built by hand)'\n", "initdb": "#!/bin/sh\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	t.Setenv("PATH", dir)
	b, err := pglocal.Find("7")
	require.NoError(t, err)
	require.Equal(t, dir, b.Dir)
	_, err = pglocal.Find("6")
	require.ErrorIs(t, err, pglocal.ErrNotInstalled)
}

// Debian's client packages bring such a folder with psql alone.
func TestFolderWithoutAServerIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "postgres"), []byte("#!/bin/sh\n"), 0o755))
	t.Setenv("PATH", dir)
	_, err := pglocal.Find("7")
	require.ErrorIs(t, err, pglocal.ErrNotInstalled)
}
