package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// atTerminal reports that we run in the foreground of a terminal, where Ctrl-C goes to all
// processes of the foreground at once.
func atTerminal() bool {
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer func() { _ = tty.Close() }() // nothing was written
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
