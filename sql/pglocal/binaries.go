package pglocal

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNotInstalled says that no PostgreSQL server is installed, or not in the version asked for.
var ErrNotInstalled = errors.New("no PostgreSQL server is installed")

// versionFolders are where Debian and Ubuntu, and the RPM packages, keep one folder a version.
var versionFolders = []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"}

// Binaries is a folder with a PostgreSQL server in it, and its major version ("" on the PATH,
// where the folder does not tell).
type Binaries struct{ Dir, Version string }

// Find finds the server's binaries: the newest in the distribution's version folders, else
// those on the PATH. A version that is not "" must match, for only that one can open the data
// it has written.
func Find(version string) (Binaries, error) {
	for _, b := range installed() {
		if version == "" || version == b.version() {
			return b, nil
		}
	}
	return Binaries{}, ErrNotInstalled
}

// installed lists all, the newest first.
func installed() []Binaries {
	var found []Binaries
	for _, pattern := range versionFolders {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		for _, dir := range dirs {
			if complete(dir) {
				found = append(found, Binaries{dir, versionIn(dir)})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b Binaries) int { return cmp.Compare(number(b.Version), number(a.Version)) })
	if path, err := exec.LookPath("postgres"); err == nil && complete(filepath.Dir(path)) {
		found = append(found, Binaries{Dir: filepath.Dir(path)})
	}
	return found
}

// versionIn reads 15 out of /usr/lib/postgresql/15/bin and of /usr/pgsql-15/bin.
func versionIn(dir string) string {
	return strings.TrimPrefix(filepath.Base(filepath.Dir(dir)), "pgsql-")
}

// number orders versions; what is not a number comes last.
func number(version string) int {
	n, err := strconv.Atoi(version)
	if err != nil {
		return -1
	}
	return n
}

// complete reports that the folder holds a server and the tool that makes clusters; the
// client packages leave folders without either.
func complete(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// version is the major version: what the folder tells, or else the program itself.
func (b Binaries) version() string {
	if b.Version != "" {
		return b.Version
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, b.path("postgres"), "--version").Output()
	if err != nil {
		return "" // what does not run fits no data
	}
	// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", or 18beta1.
	_, rest, _ := strings.Cut(string(out), "(PostgreSQL) ")
	return rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
}

func (b Binaries) path(name string) string { return filepath.Join(b.Dir, name) }
