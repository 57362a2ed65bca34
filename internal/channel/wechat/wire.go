package wechat

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// maxAnswer bounds an answer in bytes; a real one has some hundred.
const maxAnswer = 64 << 10

// maxList is the same for the list of templates: an account has up to 50, each with what its enums may be.
const maxList = 4 << 20

// keepIdle is how long an unused connection is kept: well below the 60 s after which servers usually close one,
// because a request that crosses the server's close on the wire is a message in doubt.
const keepIdle = 30 * time.Second

var errTooLong = errors.New("the answer is longer than any real one")

// wire does requests. It follows no redirect and repeats nothing that may have left.
type wire struct {
	rt      *http.Transport
	timeout time.Duration
	header  http.Header // of every request; a transport only reads it
}

// reply is what came of one request.
type reply struct {
	status int
	body   []byte // complete when err is nil
	err    error  // no complete answer
	left   bool   // some of the request may have left this machine
}

func newWire(timeout time.Duration, conns int) *wire {
	d := &dialer{
		net: net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second},
		tls: &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}},
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"submsg"}}
	return &wire{timeout: timeout, header: header, rt: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            d.dial,
		DialTLSContext:         d.dialTLS,
		TLSClientConfig:        d.tls, // of a tunnel through a proxy
		TLSHandshakeTimeout:    handshakeTimeout,
		Protocols:              &protocols,
		MaxIdleConns:           conns + 1, // and one for tokens
		MaxIdleConnsPerHost:    conns + 1,
		IdleConnTimeout:        keepIdle,
		MaxResponseHeaderBytes: maxAnswer,
		WriteBufferSize:        16 << 10, // a message leaves in one write
		DisableCompression:     true,     // no gzip asked for, none unpacked: no bomb
	}}
}

// post sends one request with a body.
func (w *wire) post(ctx context.Context, url string, body []byte) reply {
	return w.do(ctx, call{http.MethodPost, url, body, maxAnswer})
}

// get sends one without.
func (w *wire) get(ctx context.Context, url string) reply {
	return w.do(ctx, call{http.MethodGet, url, nil, maxList})
}

// call is a request to be made.
type call struct {
	method, url string
	body        []byte
	most        int // bytes of its answer
}

// do makes a call, within the context and the timeout. A kept connection may turn out to be dead before a
// byte was written to it; then another one is taken. Each round uses up a connection, so it ends.
func (w *wire) do(ctx context.Context, c call) reply {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	for {
		r, reused := w.once(ctx, c)
		if r.left || !reused || ctx.Err() != nil {
			return r
		}
	}
}

// once tells of a failure whether its connection had served others before. It uses the transport itself, without
// http.Client: no redirects, and no *url.Error, which would print the URL with its token.
func (w *wire) once(ctx context.Context, c call) (r reply, reused bool) {
	var e evidence
	ctx = httptrace.WithClientTrace(ctx, e.trace())
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return reply{err: errors.New("the URL of the request can't be parsed")}, false
	}
	req.GetBody = nil // what net/http can't rewind, it can't send twice
	req.Header = w.header
	failpoint.Hit("unwritten")
	resp, err := w.rt.RoundTrip(req)
	if err != nil {
		left, reused := e.afterFailure()
		return reply{err: err, left: left}, reused
	}
	// Closing without reading on drops the connection of an endless answer.
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, int64(c.most)+1))
	if err == nil && len(answer) > c.most {
		err = errTooLong
	}
	failpoint.Hit("answered")
	return reply{status: resp.StatusCode, body: answer, err: err, left: true}, false
}

func (w *wire) close() { w.rt.CloseIdleConnections() }
