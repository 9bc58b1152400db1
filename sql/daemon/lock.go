package daemon

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPatience is how long a launcher that is just ending may still hold its folder.
const (
	lockPatience = 3 * time.Second
	lockPause    = 50 * time.Millisecond
)

// lock takes the place for this process. It is gone when the process is, kill -9 included,
// so who holds it may treat any server found in the folder as left over. The error for a
// place in use says so and names the folder.
func (p Place) lock() (unlock func(), err error) {
	f, err := os.Open(p.Dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p.Dir, err)
	}
	for tries := int(lockPatience / lockPause); ; tries-- {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing is what unlocks; there is nothing to save
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = f.Close() // read only
			return nil, fmt.Errorf("lock %s: %w", p.Dir, err)
		}
		if tries <= 0 {
			_ = f.Close() // read only
			return nil, fmt.Errorf("%s is in use by another start: stop that one, or name another folder", p.Dir)
		}
		time.Sleep(lockPause)
	}
}
