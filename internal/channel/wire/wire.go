package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// MaxAnswer is the most bytes that the answer to a Post may have; a real one has some hundred.
const MaxAnswer = 64 << 10

// keepIdle is how long an unused connection is kept: well below the 60 s after which servers usually close one,
// because a request that crosses the server's close on the wire is a message in doubt.
const keepIdle = 30 * time.Second

var errTooLong = errors.New("the answer is longer than any real one")

// Client does requests. It is safe for concurrent use, follows no redirect, and repeats nothing that may have left.
type Client struct {
	transport *http.Transport
	timeout   time.Duration
	header    http.Header // of every request; the transport only reads it
}

// Reply is what came of one request: a complete answer, or an error and whether the server may have seen the request.
type Reply struct {
	Status int    // the HTTP status
	Body   []byte // complete when Err is nil
	Err    error  // why there is no complete answer; it may hold what the server said, never the URL
	Left   bool   // some of the request may have left this machine
}

// Trouble says in few words why there is no complete answer; it is "" when there is one.
func (r Reply) Trouble() string {
	switch {
	case r.Err == nil:
		return ""
	case errors.Is(r.Err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(r.Err, context.Canceled):
		return "canceled"
	}
	return r.Err.Error()
}

// New returns a client for JSON requests. One request may take as long as timeout, its answer included; conns is how
// many connections stay open at most, besides one that is kept for access tokens.
func New(timeout time.Duration, conns int) *Client {
	d := &dialer{
		net: net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second},
		tls: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"submsg"}}
	return &Client{timeout: timeout, header: header, transport: &http.Transport{
		Proxy:                  tunnel,
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		TLSClientConfig:        d.tls, // of a tunnel through a proxy
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              &protocols,
		MaxIdleConns:           conns + 1, // and one for tokens
		MaxIdleConnsPerHost:    conns + 1,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: MaxAnswer,
		WriteBufferSize:        16 << 10, // a message leaves in one write
		DisableCompression:     true,     // no answer is unpacked, so that none can be a bomb
	}}
}

// tunnel is the environment's proxy for an https URL, to which it only opens a tunnel. An http URL has none: its proxy
// would read what it passes on.
func tunnel(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// Post sends one request with a body.
func (c *Client) Post(ctx context.Context, url string, body []byte) Reply {
	return c.do(ctx, request{http.MethodPost, url, body, MaxAnswer})
}

// Get sends one request without a body. Its answer may have as many bytes as most.
func (c *Client) Get(ctx context.Context, url string, most int) Reply {
	return c.do(ctx, request{http.MethodGet, url, nil, most})
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

type request struct {
	method, url string
	body        []byte
	most        int // bytes of its answer
}

// do sends a request, within the context and the timeout. A kept connection may turn out to be dead before a byte was
// written to it; then another one is taken. Each round uses up a connection, so that the loop ends.
func (c *Client) do(ctx context.Context, r request) Reply {
	late := ctx.Err // which may know better than a timer that the time is over, as after the machine was suspended
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for {
		reply, reused := c.once(ctx, r, late)
		if reply.Left || !reused || ctx.Err() != nil {
			return reply
		}
	}
}

// once sends a request on one connection. Of a failure it reports whether that connection had served others before. It
// uses the transport itself, without http.Client: that follows redirects, and its *url.Error prints the URL with its
// token. Nothing is sent once the time is over, which late tells.
func (c *Client) once(ctx context.Context, r request, late func() error) (reply Reply, reused bool) {
	var e evidence
	ctx = httptrace.WithClientTrace(ctx, e.trace())
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return Reply{Err: errors.New("the URL of the request can't be parsed")}, false
	}
	req.GetBody = nil // what net/http can't rewind, it can't send twice
	req.Header = c.header
	failpoint.Hit("unwritten")
	if err := late(); err != nil {
		return Reply{Err: err}, false
	}
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		left, reused := e.afterFailure()
		return Reply{Err: err, Left: left}, reused
	}
	// Closing without reading on drops the connection of an endless answer.
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(r.most)+1))
	if err == nil && len(body) > r.most {
		err = errTooLong
	}
	failpoint.Hit("answered")
	return Reply{Status: resp.StatusCode, Body: body, Err: err, Left: true}, false
}
