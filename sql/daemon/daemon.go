// Package daemon runs one private server process, a PostgreSQL or a Redis that only this
// command and its children use, and keeps it running: under an unprivileged user when we
// are root, in a folder that user can enter, on a port of 127.0.0.1, started again when it
// dies, and gone when we are gone, however we end.
//
// It knows nothing of databases: sql/pglocal and sessions/redislocal say what to start and
// when it is ready. Its one big rule: touch no process and no file that was not ours before.
// It serves development and tests; production servers are run by whoever runs the machine.
package daemon

import (
	"syscall"
	"time"
)

// Step is one request to end: a signal, and how long it may take to work.
type Step struct {
	Signal syscall.Signal
	Wait   time.Duration
}

// Farewell is how a server is asked to end, the politest step first. A last SIGKILL is
// understood, so that no server outlives its farewell.
type Farewell []Step

// afterKill bounds the wait for a process that was sent SIGKILL; only one stuck in the
// kernel takes longer, and waiting would not help it.
const afterKill = 5 * time.Second

// steps is the farewell with its SIGKILL.
func (f Farewell) steps() []Step {
	return append(append([]Step{}, f...), Step{syscall.SIGKILL, afterKill})
}
