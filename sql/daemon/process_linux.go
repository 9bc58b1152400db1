package daemon

import "syscall"

// attributes puts the server into a session of its own, so that Ctrl-C on our terminal
// reaches us alone and we stop the server when everything that uses it has ended.
func attributes(c Command) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: c.Orphaned}
	if !c.As.IsZero() {
		a.Credential = &syscall.Credential{Uid: c.As.UID, Gid: c.As.GID}
	}
	return a
}

// Tied are the attributes of a command that stays in our session, at our terminal, and gets
// the signal when we are gone.
func Tied(orphaned syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: orphaned}
}
