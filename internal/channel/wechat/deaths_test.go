package wechat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// read reads one whole request off the connection.
func read(c net.Conn) error {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// reset closes a connection by RST.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func answering(raw string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, raw) }
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func status(line, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", line, len(body), body)
}

const accepted = `{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`

// silence waits until the client has gone.
func silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// after is a server's behaviour once it has read the whole request.
var after = []struct {
	name  string
	then  func(net.Conn)
	want  outbox.Outcome
	short bool // the client's timeout ends it
}{
	{"closes", func(net.Conn) {}, outbox.Unknown, false},
	{"resets", reset, outbox.Unknown, false},
	{"is silent", silence, outbox.Unknown, true},
	{"breaks off in the status line", answering("HTTP/1.1 20"), outbox.Unknown, false},
	{"breaks off in the headers", answering("HTTP/1.1 200 OK\r\nContent-Le"), outbox.Unknown, false},
	{"breaks off before the body", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), outbox.Unknown, false},
	{"breaks off in the body", answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + `{"errcode":0,`), outbox.Unknown, false},
	{"promises more than a whole JSON", answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + accepted), outbox.Unknown, false},
	{"never ends the last chunk", answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), outbox.Unknown, false},
	{"resets in the body", func(c net.Conn) {
		answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")(c)
		reset(c)
	}, outbox.Unknown, false},
	{"stalls in the body", func(c net.Conn) {
		answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")(c)
		silence(c)
	}, outbox.Unknown, true},
	{"drips", func(c net.Conn) {
		answering("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{")(c)
		for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
			if _, err := c.Write([]byte(" ")); err != nil {
				tick.Stop()
				return
			}
		}
	}, outbox.Unknown, true},
	{"answers without end", func(c net.Conn) {
		answering("HTTP/1.1 200 OK\r\n\r\n{")(c)
		for blank := []byte(strings.Repeat(" ", 4096)); ; {
			if _, err := c.Write(blank); err != nil {
				return
			}
		}
	}, outbox.Unknown, false},
	{"sends headers without end", func(c net.Conn) {
		answering("HTTP/1.1 200 OK\r\n")(c)
		for line := []byte("X-Filler: " + strings.Repeat("x", 1000) + "\r\n"); ; {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	}, outbox.Unknown, false},
	{"speaks another protocol", answering("SSH-2.0-OpenSSH_9.6\r\n"), outbox.Unknown, false},
	{"answers nothing", answering(ok("")), outbox.Unknown, false},
	{"answers HTML", answering(ok("<html>ok</html>")), outbox.Unknown, false},
	{"answers half a JSON", answering(ok(`{"errcode":0,"errmsg":"o`)), outbox.Unknown, false},
	{"packs the answer", answering("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), outbox.Unknown, false},
	{"answers 204", answering("HTTP/1.1 204 No Content\r\n\r\n"), outbox.Unknown, false},
	{"answers 201 and 0", answering(status("201 Created", accepted)), outbox.Unknown, false},
	{"answers 502", answering(status("502 Bad Gateway", "<html>")), outbox.Unknown, false},
	{"answers 503 and -1", answering(status("503 Busy", `{"errcode":-1}`)), outbox.Unknown, false},
	{"answers 400 and 0", answering(status("400 Bad Request", accepted)), outbox.Unknown, false},
	{"answers 302", answering("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), outbox.Unknown, false},
	{"answers 307", answering("HTTP/1.1 307 Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), outbox.Halt, false},
	{"answers 404", answering(status("404 Not Found", "no")), outbox.Halt, false},
	{"answers 413", answering(status("413 Too Large", "no")), outbox.Refused, false},
	{"answers 429", answering(status("429 Slow Down", "no")), outbox.Later, false},
	{"answers 403", answering(status("403 Forbidden", "no")), outbox.Later, false},
	{"answers 403 and 48001", answering(status("403 Forbidden", `{"errcode":48001}`)), outbox.Halt, false},
	{"answers -1", answering(ok(`{"errcode":-1,"errmsg":"system error"}`)), outbox.Later, false},
	{"accepts", answering(ok(accepted)), outbox.Accepted, false},
	{"accepts and closes", answering("HTTP/1.0 200 OK\r\n\r\n" + accepted), outbox.Accepted, false},
	{"hints and accepts", answering("HTTP/1.1 103 Early Hints\r\n\r\n" + ok(accepted)), outbox.Accepted, false},
}

func TestServerThatReadTheRequest(t *testing.T) {
	for _, tt := range after {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			addr := listen(t, func(c net.Conn) {
				if read(c) == nil {
					requests.Add(1)
					tt.then(c)
				}
			})
			limit := time.Minute
			if tt.short {
				limit = 300 * time.Millisecond
			}
			s := holding(newSender(t, "http://"+addr, timeout(limit)), canaryToken)
			v := s.Send(t.Context(), claim())
			if v.Outcome != tt.want {
				t.Errorf("%v (%s), want %v", v.Outcome, v.Text, tt.want)
			}
			if n := requests.Load(); n != 1 {
				t.Errorf("%d requests for one Send", n)
			}
			if v.Outcome == outbox.Accepted && v.MsgID != 1988810812324364291 {
				t.Errorf("msgid %d", v.MsgID)
			}
		})
	}
}

// The template decides what doubt means: the same deaths, with onUnknown: resend.
func TestDoubtWithResend(t *testing.T) {
	for _, tt := range after {
		if tt.want != outbox.Unknown || tt.short {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := listen(t, func(c net.Conn) {
				if read(c) == nil {
					tt.then(c)
				}
			})
			s := holding(newSender(t, "http://"+addr), canaryToken)
			if v := s.Send(t.Context(), claimAgain(1)); v.Outcome != outbox.Later || v.Stops != nil {
				t.Errorf("%v stops %q (%s), want later at the cost of an attempt", v.Outcome, v.Stops, v.Text)
			}
		})
	}
}

func TestServerThatReadsPartOfTheRequest(t *testing.T) {
	for _, n := range []int64{1, 16, 100, 250, 400} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			addr := listen(t, func(c net.Conn) {
				_, _ = io.CopyN(io.Discard, c, n)
				reset(c)
			})
			s := holding(newSender(t, "http://"+addr), canaryToken)
			if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Unknown {
				t.Errorf("%v (%s), want unknown", v.Outcome, v.Text)
			}
		})
	}
}

func TestNothingWasWritten(t *testing.T) {
	plain := listen(t, func(c net.Conn) { answering("HTTP/1.1 400 Bad Request\r\n\r\n")(c); silence(c) })
	silent := listen(t, silence)
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name, url string
		ctx       context.Context
	}{
		{"connection refused", "http://" + closed, t.Context()},
		{"no such port", "http://127.0.0.1:99999", t.Context()},
		{"TLS to a plain server", "https://" + plain, t.Context()},
		{"TLS to a silent server", "https://" + silent, t.Context()},
		{"context over", "http://" + silent, over},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := holding(newSender(t, tt.url, timeout(200*time.Millisecond)), canaryToken)
			v := s.Send(tt.ctx, claim())
			if v.Outcome != outbox.Later || v.Code != nil {
				t.Errorf("%v (%s), want later", v.Outcome, v.Text)
			}
		})
	}
}

// Neither answer is wrong when a server closes at once, but a second connection would be.
func TestServerThatClosesAtOnce(t *testing.T) {
	for range 20 {
		var conns atomic.Int32
		addr := listen(t, func(c net.Conn) { conns.Add(1); reset(c) })
		s := holding(newSender(t, "http://"+addr), canaryToken)
		v := s.Send(t.Context(), claim())
		if v.Outcome != outbox.Unknown && v.Outcome != outbox.Later || conns.Load() > 1 {
			t.Fatalf("%v (%s), %d connections", v.Outcome, v.Text, conns.Load())
		}
	}
}

// sick is a connection that stops taking bytes once told to: after the first few of a write.
type sick struct {
	net.Conn
	takes *atomic.Int64 // negative: healthy
}

func (c sick) Write(p []byte) (int, error) {
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
		want     outbox.Outcome
		requests int32
	}{
		{0, outbox.Accepted, 2},
		{1, outbox.Unknown, 1},
		{300, outbox.Unknown, 1},
	} {
		t.Run(fmt.Sprint(tt.takes), func(t *testing.T) {
			var requests atomic.Int32
			addr := listen(t, func(c net.Conn) {
				for read(c) == nil {
					requests.Add(1)
					answering(ok(accepted))(c)
				}
			})
			s := holding(newSender(t, "http://"+addr), canaryToken)
			var takes, dials atomic.Int64
			takes.Store(-1)
			s.wire.rt.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				if err != nil || dials.Add(1) > 1 {
					return &conn{Conn: c}, err
				}
				return &conn{Conn: sick{c, &takes}}, nil
			}
			if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Accepted {
				t.Fatalf("first: %v (%s)", v.Outcome, v.Text)
			}
			takes.Store(tt.takes)
			if v := s.Send(t.Context(), claim()); v.Outcome != tt.want {
				t.Errorf("%v (%s), want %v", v.Outcome, v.Text, tt.want)
			}
			if n := requests.Load(); n != tt.requests {
				t.Errorf("the server read %d requests, want %d", n, tt.requests)
			}
		})
	}
}

// A server that closes after each answer races with the next request. Whatever comes out, no message is written twice.
func TestKeptConnectionClosedByServer(t *testing.T) {
	const sends = 300
	var requests atomic.Int32
	addr := listen(t, func(c net.Conn) {
		if read(c) == nil {
			requests.Add(1)
			answering(ok(accepted))(c)
		}
	})
	s := holding(newSender(t, "http://"+addr), canaryToken)
	var taken, doubts int32
	for range sends {
		switch v := s.Send(t.Context(), claim()); v.Outcome {
		case outbox.Accepted:
			taken++
		case outbox.Unknown:
			doubts++
		default:
			t.Fatalf("%v (%s)", v.Outcome, v.Text)
		}
	}
	if n := requests.Load(); n < taken || n > taken+doubts {
		t.Errorf("%d requests for %d accepted and %d doubtful sends", n, taken, doubts)
	}
}

func TestLargeRequestWrittenInPart(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		_, _ = io.CopyN(io.Discard, c, 1000)
		<-t.Context().Done()
	})
	w := newWire(300*time.Millisecond, 1)
	r := w.post(t.Context(), "http://"+addr, make([]byte, 16<<20))
	if r.err == nil || !r.left {
		t.Errorf("%+v, want an error and bytes that left", r)
	}
}
