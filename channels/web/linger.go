package web

import (
	"io"
	"net"
	"time"

	"nova/core/clock"
)

const (
	// lingerTime is how long a refused sender is listened to after the answer.
	lingerTime = 300 * time.Millisecond
	// lingerBytes is how much of an unread body is thrown away.
	lingerBytes = 4 << 20
)

// lingering lets an answer arrive that is sent before the body was read, such as 401 or 413. Closing a socket with
// unread bytes resets the connection, and the caller would see the reset instead of the answer (RFC 9112, 9.6).
type lingering struct{ net.Listener }

// Accept hands out connections that close in two steps.
func (l lingering) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		return lingeringConn{tcp}, err
	}
	return conn, err
}

type lingeringConn struct{ *net.TCPConn }

// Close ends our half, reads what is still under way for a moment, and closes.
func (c lingeringConn) Close() error {
	if err := c.CloseWrite(); err == nil {
		_ = c.SetReadDeadline(clock.System{}.Now().Add(lingerTime)) // the reads below fail soon enough
		_, _ = io.CopyN(io.Discard, c.TCPConn, lingerBytes)         // whatever comes is thrown away
	}
	return c.TCPConn.Close()
}
