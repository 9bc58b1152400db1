package sql

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// dialer makes connections on which no answer may take longer than patience. A context cannot see to that: the
// driver sends COMMIT without one, and a peer that fell silent would keep its transaction's caller for ever.
type dialer struct {
	patience time.Duration
	once     bool
}

func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: d.patience}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatientConn{Conn: conn, by: d}, nil
}

// impatientConn bounds each read and write. The driver reads only while it waits for an answer.
type impatientConn struct {
	net.Conn
	by dialer
}

func (c *impatientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.by.patience)); err != nil { //nolint:forbidigo // sockets know only absolute real time
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if c.by.once && errors.Is(err, io.EOF) {
		// The driver takes an end of file for a connection that was bad before the statement was sent.
		err = &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: io.ErrUnexpectedEOF}
	}
	return n, err
}

func (c *impatientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.by.patience)); err != nil { //nolint:forbidigo // sockets know only absolute real time
		return 0, err
	}
	return c.Conn.Write(b)
}
