package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Files that keep freshly installed servers quiet, for the time of the installation.
const (
	// policyFile is asked by Debian before a package's service is started; where it does not
	// exist, all may start. A machine's own is put aside as savedPolicy, and asked by ours.
	policyFile  = "/usr/sbin/policy-rc.d"
	savedPolicy = "/usr/sbin/policy-rc.d.before-nova"
	// clusterFile tells Debian's PostgreSQL package not to create a cluster.
	clusterFile = "/etc/postgresql-common/createcluster.d/nova-dev.conf"
)

// denied is the exit status by which a policy-rc.d forbids an action.
const denied = 101

// ourPolicy forbids the two services while the installing process (the number) lives, and
// leaves all others to the machine's own policy, or where there is none to its default.
const ourPolicy = `#!/bin/sh
# Put here by "nova dev install" for the time of an installation; it removes it at the end.
case "$1" in
postgresql* | redis-server*) kill -0 %d 2>/dev/null && exit 101 ;;
esac
[ -x %[2]s ] && exec %[2]s "$@"
[ -e /sbin/init ] || exit 101
exit 0
`

// quieten puts the files in place. restore undoes exactly that; it is never nil, and is to be
// called whatever err says.
func (i installer) quieten() (restore func() error, err error) {
	var undo []func() error
	restore = func() (err error) {
		for n := len(undo) - 1; n >= 0; n-- {
			err = errors.Join(err, undo[n]())
		}
		return err
	}
	for _, step := range []func() (func() error, error){i.noCluster, i.noStart} {
		back, err := step()
		if back != nil {
			undo = append(undo, back)
		}
		if err != nil {
			return restore, err
		}
	}
	return restore, nil
}

// noCluster keeps the PostgreSQL package from creating and starting a cluster.
func (i installer) noCluster() (undo func() error, err error) {
	path := i.root + clusterFile
	made, err := makeDirs(filepath.Dir(path))
	undo = func() error {
		err := os.Remove(path)
		if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		for n := len(made) - 1; n >= 0; n-- {
			_ = os.Remove(made[n]) // the package may have put its own files there: then the folder stays
		}
		return err
	}
	if err != nil {
		return undo, err
	}
	if err := os.WriteFile(path, []byte("create_main_cluster = false\n"), 0o644); err != nil { //nolint:gosec // G306: apt reads it.
		return undo, fmt.Errorf("forbid a cluster: %w", err)
	}
	return undo, nil
}

// noStart keeps the services from being started. A policy of the machine that forbids it
// already is left alone.
func (i installer) noStart() (undo func() error, err error) {
	policy, saved := i.root+policyFile, i.root+savedPolicy
	if err := i.putBack(policy, saved); err != nil {
		return nil, err
	}
	if forbids(policy) {
		return nil, nil //nolint:nilnil // nothing was done, so there is nothing to undo
	}
	if err := os.Rename(policy, saved); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("put the machine's policy-rc.d aside: %w", err)
	}
	undo = func() error {
		if err := os.Remove(policy); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove our policy-rc.d: %w", err)
		}
		return i.putBack(policy, saved)
	}
	text := fmt.Sprintf(ourPolicy, os.Getpid(), saved)
	if err := os.WriteFile(policy, []byte(text), 0o755); err != nil { //nolint:gosec // G306: it must be executable.
		return undo, fmt.Errorf("forbid services to start: %w", err)
	}
	return undo, nil
}

// putBack puts the machine's own policy back, where an installation that was killed left it
// aside, too.
func (i installer) putBack(policy, saved string) error {
	if err := os.Rename(saved, policy); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("put the machine's policy-rc.d back: %w", err)
	}
	return nil
}

// forbids asks a policy whether both services may be started.
func forbids(policy string) bool {
	for _, p := range requirements {
		err := exec.Command(policy, p.unit, "start").Run() //nolint:gosec,noctx // the machine's own policy; it only answers
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != denied {
			return false
		}
	}
	return true
}

// makeDirs makes a folder and those above it, and lists the ones it made, the uppermost first.
func makeDirs(dir string) (made []string, err error) {
	if _, err := os.Stat(dir); err == nil {
		return nil, nil
	}
	if made, err = makeDirs(filepath.Dir(dir)); err != nil {
		return made, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // G301: a folder of the system's settings
		return made, fmt.Errorf("make %s: %w", strconv.Quote(dir), err)
	}
	return append(made, dir), nil
}
