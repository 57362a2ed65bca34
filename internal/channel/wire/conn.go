package wire

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// conn counts what it is given to write. It stands above TLS, so that handshakes and alerts don't count.
type conn struct {
	net.Conn
	out atomic.Int64 // bytes written, or being written now
}

// Write counts before it writes and takes back what failed: whoever reads the counter in mid-write
// sees too much, never too little.
func (c *conn) Write(p []byte) (int, error) {
	c.out.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.out.Add(int64(n - len(p)))
	return n, err
}

// dialer opens counting connections.
type dialer struct {
	net net.Dialer
	tls *tls.Config
}

func (d *dialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := d.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// dialTLS is net/http's own TLS dialling, with the counter on top.
func (d *dialer) dialTLS(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c, err := (&tls.Dialer{NetDialer: &d.net, Config: d.tls}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

const (
	dialTimeout      = 5 * time.Second
	handshakeTimeout = 8 * time.Second // dial included
)

// evidence follows one request to its connection.
type evidence struct {
	mu     sync.Mutex
	got    bool  // a connection was found
	conn   *conn // nil when it does not count (a tunnel through a proxy)
	before int64 // its count when this request got it
	reused bool
}

func (e *evidence) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.got, e.reused = true, info.Reused
		if c, ok := info.Conn.(*conn); ok {
			e.conn, e.before = c, c.out.Load()
		}
	}, WroteRequest: func(httptrace.WroteRequestInfo) { failpoint.Hit("written") }}
}

// afterFailure reports whether any byte of the failed request may be on its way, and whether its connection had
// served others before. It closes the connection first, so that nothing can be written after the answer.
func (e *evidence) afterFailure() (left, reused bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.got:
		return false, false
	case e.conn == nil:
		return true, e.reused
	}
	_ = e.conn.Close()
	return e.conn.out.Load() != e.before, e.reused
}
