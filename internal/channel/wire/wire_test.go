package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/submsg/submsg/internal/lab/rawserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const body = `{"touser":"o0","template_id":"t"}`

// newClient returns a client that is closed at the end of the test.
func newClient(t *testing.T, timeout time.Duration) *Client {
	c := New(timeout, 50)
	t.Cleanup(c.Close)
	return c
}

// failingConn is a connection that stops taking bytes once told to: after the first few of a write.
type failingConn struct {
	net.Conn
	takes *atomic.Int64 // negative: healthy
}

func (c failingConn) Write(p []byte) (int, error) {
	if n := c.takes.Load(); n >= 0 {
		n, _ := c.Conn.Write(p[:min(int(n), len(p))])
		return n, errors.New("broken pipe")
	}
	return c.Conn.Write(p)
}

// A kept connection that fails before its first byte is replaced; one that fails after it is a doubt.
func TestKeptConnectionFailsInWrite(t *testing.T) {
	for _, tt := range []struct {
		takes    int64
		answered bool // otherwise the request has left, and nobody answers
		requests int32
	}{
		{0, true, 2},
		{1, false, 1},
		{100, false, 1},
	} {
		t.Run(fmt.Sprint(tt.takes), func(t *testing.T) {
			var requests atomic.Int32
			addr := rawserver.Listen(t, func(c net.Conn) {
				for rawserver.Read(c) == nil {
					requests.Add(1)
					rawserver.Answer(rawserver.OK("yes"))(c)
				}
			})
			client := newClient(t, 10*time.Second)
			var takes, dials atomic.Int64
			takes.Store(-1)
			client.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				if err != nil || dials.Add(1) > 1 {
					return &conn{Conn: c}, err
				}
				return &conn{Conn: failingConn{c, &takes}}, nil
			}
			if r := client.Post(t.Context(), "http://"+addr, []byte(body)); r.Err != nil || string(r.Body) != "yes" {
				t.Fatalf("first: %+v", r)
			}
			takes.Store(tt.takes)
			r := client.Post(t.Context(), "http://"+addr, []byte(body))
			if !r.Left || (r.Err == nil) != tt.answered || (string(r.Body) == "yes") != tt.answered {
				t.Errorf("%+v, want an answer: %v", r, tt.answered)
			}
			if n := requests.Load(); n != tt.requests {
				t.Errorf("the server read %d requests, want %d", n, tt.requests)
			}
		})
	}
}

func TestLargeRequestWrittenInPart(t *testing.T) {
	addr := rawserver.Listen(t, func(c net.Conn) {
		_, _ = io.CopyN(io.Discard, c, 1000)
		<-t.Context().Done()
	})
	r := newClient(t, 300*time.Millisecond).Post(t.Context(), "http://"+addr, make([]byte, 16<<20))
	if r.Err == nil || !r.Left {
		t.Errorf("%+v, want an error and bytes that left", r)
	}
}
