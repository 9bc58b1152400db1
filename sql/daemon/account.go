package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// Account is the system user that a server runs as. The zero Account means ourselves.
type Account struct {
	Name     string
	UID, GID uint32
}

// IsZero reports that the server runs as ourselves.
func (a Account) IsZero() bool { return a == Account{} }

// AccountFor says who runs the server whose files lie in dir. Unless we are root, that is
// ourselves. Root hands over to the owner that the files already have, so that a person's
// data stays that person's; else to the first of the named users that exists. A user must
// stand in the passwd file: initdb refuses one that does not.
func AccountFor(dir string, names ...string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	if uid, ok := owner(dir); ok && uid != 0 {
		u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
		if err == nil {
			return account(u)
		}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err == nil {
			return account(u)
		}
		if !errors.As(err, new(user.UnknownUserError)) {
			return Account{}, fmt.Errorf("look up user %s: %w", name, err)
		}
	}
	return Account{}, fmt.Errorf("root may not run this server, and there is no user %s to run it",
		strings.Join(names, " or "))
}

// account turns a passwd entry into an Account.
func account(u *user.User) (Account, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return Account{}, fmt.Errorf("read uid of user %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return Account{}, fmt.Errorf("read gid of user %s: %w", u.Username, err)
	}
	return Account{Name: u.Username, UID: uint32(uid), GID: uint32(gid)}, nil
}

// Own gives path to the account. It changes nothing when the server runs as ourselves.
func (a Account) Own(path string) error {
	if a.IsZero() {
		return nil
	}
	if err := os.Lchown(path, int(a.UID), int(a.GID)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.Name, err)
	}
	return nil
}

// WriteFile writes a small file that only the account can read, whole or not at all.
func (a Account) WriteFile(path string, text []byte) error {
	fresh := path + ".new"
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", fresh, err)
	}
	if err := a.Own(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("put %s in place: %w", path, err)
	}
	return nil
}

// owner is the uid that a folder belongs to; a symbolic link is not followed.
func owner(dir string) (uint32, bool) {
	info, err := os.Lstat(dir)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, true
}
