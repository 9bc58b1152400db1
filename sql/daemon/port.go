package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
)

// Ports are taken from below Linux' ephemeral range (32768 and up): there, a client that
// tries to reach a server that is just down can connect to itself and so hold its port.
const (
	firstPort = 15000
	lastPort  = 31999
	portTries = 200 // a machine with so many of these taken has another problem
)

// Free reports that nobody listens on this port of 127.0.0.1.
func Free(port int) bool {
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// FreePort picks a port of 127.0.0.1 that nobody listens on. Somebody may take it before
// our server does; whoever starts one tries again with another.
func FreePort() (int, error) {
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort) //nolint:gosec // G404: a port number is no secret.
		if Free(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port on 127.0.0.1: all that were tried are taken")
}

// pickPort is the port noted at this place from an earlier start while it is free, else a new
// one; changed says that the noted one was taken.
func (p Place) pickPort() (port int, changed bool, err error) {
	text, err := os.ReadFile(p.File("port"))
	if err == nil {
		port, _ = strconv.Atoi(strings.TrimSpace(string(text))) // a spoilt note counts as none
	}
	if port > 0 && Free(port) {
		return port, false, nil
	}
	changed = port > 0
	port, err = FreePort()
	return port, changed, err
}

// keepPort notes the port for the next start.
func (p Place) keepPort(port int) error {
	return p.As.WriteFile(p.File("port"), []byte(strconv.Itoa(port)+"\n"))
}
