package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// dataFolder is what a server's own files lie in, below its place.
const dataFolder = "data"

// Place is where one server's files lie: the folder Data, which the server owns, and beside
// it our notes on it (its port, its password, its log).
type Place struct {
	Dir string
	// As runs the server and owns the files.
	As Account
	// Moved says that Dir is not where it was asked for, because As cannot use that folder.
	Moved bool
}

// Data is the server's own folder. It exists from the server's first start on.
func (p Place) Data() string { return filepath.Join(p.Dir, dataFolder) }

// File is the path of one of our notes on the server.
func (p Place) File(name string) string { return filepath.Join(p.Dir, name) }

// Scratch makes a folder for temporary files in which servers that one of the users runs can
// have their places, whatever TMPDIR says. Its name begins with prefix.
func Scratch(prefix string, users ...string) (string, error) {
	var failed error
	for _, base := range []string{os.TempDir(), "/var/tmp", "/tmp"} {
		dir, err := scratchIn(base, prefix, users)
		if err == nil {
			return dir, nil
		}
		failed = errors.Join(failed, err)
	}
	return "", fmt.Errorf("make a folder for temporary files: %w", failed)
}

// scratchIn makes the folder below base and tries it out.
func scratchIn(base, prefix string, users []string) (string, error) {
	dir, err := os.MkdirTemp(base, prefix)
	if err != nil {
		return "", err
	}
	p := Place{Dir: filepath.Join(dir, "trial")}
	if p.As, err = AccountFor("", users...); err == nil {
		err = os.Chmod(dir, 0o711) //nolint:gosec // G302: passable on purpose, for servers run as other users.
	}
	if err == nil {
		err = p.prepare()
	}
	_ = os.Remove(p.Dir) // what was tried is empty
	if err != nil {
		_ = os.Remove(dir) // so is this
		return "", err
	}
	return dir, nil
}

// Take settles where the files of the server `name` lie, tells when that is not below base,
// and locks the place until unlock is called or this process ends.
func Take(base, name string, say Say, users ...string) (p Place, unlock func(), err error) {
	if p, err = Settle(base, name, users...); err != nil {
		return Place{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if p.Moved {
		say("%s: its user cannot work in %s; its data lies in %s", name, base, p.Dir)
	}
	if unlock, err = p.lock(); err != nil {
		return Place{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, unlock, nil
}

// Settle finds where the files of the server `name` can lie: in base/name, or where its user
// cannot enter or write there (a checkout below a private home; files that somebody else's
// start left behind), in a folder of this base's own under the system's or the person's state
// folder. Data that is already there decides, so that a folder's changed permissions do not
// make a database look empty.
func Settle(base, name string, users ...string) (Place, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return Place{}, fmt.Errorf("find %s: %w", base, err)
	}
	bases := append([]string{base}, elsewhere(base)...)
	for _, withData := range []bool{true, false} {
		for i, b := range bases {
			p := Place{Dir: filepath.Join(b, name), Moved: i > 0}
			if withData && !exists(p.Data()) {
				continue
			}
			if p.As, err = AccountFor(p.Dir, users...); err != nil {
				return Place{}, err
			}
			if err = p.prepare(); err == nil {
				return p, nil
			}
		}
	}
	return Place{}, fmt.Errorf("find a folder for %s: %w", name, err)
}

// elsewhere lists the stand-ins for a base that a server's user cannot enter, best first.
// They are named after the base, so that the next start finds them again.
func elsewhere(base string) []string {
	sum := sha256.Sum256([]byte(base))
	name := "nova-dev-" + hex.EncodeToString(sum[:4])
	temporary := filepath.Join(os.TempDir(), name+"-"+strconv.Itoa(os.Geteuid()))
	if os.Geteuid() == 0 {
		return []string{filepath.Join("/var/lib", name), temporary}
	}
	state := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); state == "" && err == nil {
		state = filepath.Join(home, ".local", "state")
	}
	if state == "" {
		return []string{temporary}
	}
	return []string{filepath.Join(state, name), temporary}
}

// prepare makes the folder, gives it to the server's user and tries whether that user can
// work in it. A folder that turns out useless is not left behind.
func (p Place) prepare() error {
	if err := makeBase(filepath.Dir(p.Dir)); err != nil {
		return err
	}
	err := os.Mkdir(p.Dir, 0o700)
	made := err == nil
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the server's folder: %w", err)
	}
	if made || empty(p.Dir) {
		err = p.As.Own(p.Dir)
	} else {
		err = nil
	}
	if err == nil {
		err = p.As.canUse(p.Dir)
	}
	if err != nil && made {
		// It was made a moment ago and is empty; if it cannot go, it does no harm.
		_ = os.Remove(p.Dir)
	}
	return err
}

// makeBase makes the folder that servers' folders lie in. It is passable for all, whatever
// our umask says, because servers run as other users; what is in it is closed by itself.
func makeBase(base string) error {
	if exists(base) {
		return mine(base)
	}
	if err := os.MkdirAll(base, 0o755); err != nil { //nolint:gosec // G301: passable on purpose, see above.
		return fmt.Errorf("make %s: %w", base, err)
	}
	if err := os.Chmod(base, 0o755); err != nil { //nolint:gosec // G302: passable on purpose, see above.
		return fmt.Errorf("open %s: %w", base, err)
	}
	return nil
}

// mine refuses a base in a folder for temporary files that another user put there to have
// our passwords written into it.
func mine(base string) error {
	uid, ok := owner(base)
	if filepath.Dir(base) == filepath.Clean(os.TempDir()) && (!ok || int(uid) != os.Geteuid()) {
		return fmt.Errorf("%s belongs to another user", base)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) == 0
}

// MakeData makes the server's own folder, for a server that does not make it itself.
func (p Place) MakeData() error {
	if err := os.Mkdir(p.Data(), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make the server's data folder: %w", err)
	}
	return p.As.Own(p.Data())
}
