package daemon

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// evictPause is how often leftovers are looked for while they are ending.
const evictPause = 20 * time.Millisecond

// Evict ends the processes that work in dir: a server that outlived its launcher, or the
// children of one that was killed, which must be gone before another may touch the files.
// Call it with the place locked: only then are they nobody's. It reports how many there were.
//
// PostgreSQL and Redis both change into their data folder, and so do their children; that
// tells them surely, where a number in a pid file may be another process' by now.
func Evict(dir string, f Farewell) (int, error) {
	return end(func() []int { return Inside(dir) }, f)
}

// EndMarked ends the processes whose environment holds the entry (NAME=value), which
// everything inherits that was started below a process given it.
func EndMarked(entry string, f Farewell) (int, error) {
	return end(func() []int { return marked(entry) }, f)
}

// end asks what find finds to end, step by step, until nothing is found.
func end(find func() []int, f Farewell) (int, error) {
	first := len(find())
	for _, step := range f.steps() {
		if endedBy(find, step) {
			return first, nil
		}
	}
	return first, fmt.Errorf("processes %v do not end", find())
}

// endedBy takes one step of a farewell. A polite signal goes to each tree's root alone, for
// a server ends its own children, and once, for some servers take a second one for impatience;
// SIGKILL goes to all.
func endedBy(find func() []int, step Step) bool {
	told := map[int]bool{}
	for range max(1, int(step.Wait/evictPause)) {
		found := find()
		if len(found) == 0 {
			return true
		}
		for _, pid := range found {
			root := step.Signal == syscall.SIGKILL || !slices.Contains(found, parent(pid))
			if root && !told[pid] {
				_ = syscall.Kill(pid, step.Signal) // it may have ended meanwhile; the next look tells
				told[pid] = true
			}
		}
		time.Sleep(evictPause)
	}
	return len(find()) == 0
}

// Searches reports that processes can be looked for on this system.
func Searches() bool { return exists("/proc/self/cwd") }

// Inside lists the processes whose working folder is dir, as far as we may see them.
func Inside(dir string) []int {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	return processes(func(proc string) bool {
		cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
		return err == nil && cwd == real
	})
}

// marked lists the processes that have this entry in their environment.
func marked(entry string) []int {
	return processes(func(proc string) bool {
		env, err := os.ReadFile(filepath.Join(proc, "environ"))
		return err == nil && slices.ContainsFunc(bytes.Split(env, []byte{0}), func(e []byte) bool {
			return string(e) == entry
		})
	})
}

// processes lists those but ourselves that is holds for; none where there is no /proc.
func processes(is func(proc string) bool) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !is(filepath.Join("/proc", e.Name())) {
			continue
		}
		found = append(found, pid)
	}
	return found
}

// parent is a process' parent, 0 when it has ended. In /proc/PID/stat it is the second field
// after the name, which stands in brackets and may hold anything.
func parent(pid int) int {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	ppid, _ := strconv.Atoi(string(fields[1])) // the kernel writes numbers
	return ppid
}
