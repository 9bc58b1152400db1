//go:build unix && !linux

package daemon

import "syscall"

// attributes puts the server into a session of its own. Only Linux can end a server when its
// launcher is killed; elsewhere the next start finds it and ends it (Evict).
func attributes(c Command) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true}
	if !c.As.IsZero() {
		a.Credential = &syscall.Credential{Uid: c.As.UID, Gid: c.As.GID}
	}
	return a
}

// Tied are the attributes of a command that stays in our session, at our terminal.
func Tied(syscall.Signal) *syscall.SysProcAttr { return nil }
