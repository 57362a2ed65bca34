package wechat

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/internal/lab/rawserver"
	"github.com/submsg/submsg/outbox"
)

const accepted = `{"errcode":0,"errmsg":"ok","msgid":1988810812324364291}`

// after is a server's behaviour once it has read the whole request.
var after = []struct {
	name  string
	then  func(net.Conn)
	want  outbox.Outcome
	short bool // the client's timeout ends it
}{
	{"closes", func(net.Conn) {}, outbox.Unknown, false},
	{"resets", rawserver.Reset, outbox.Unknown, false},
	{"is silent", rawserver.Silence, outbox.Unknown, true},
	{"breaks off in the status line", rawserver.Answer("HTTP/1.1 20"), outbox.Unknown, false},
	{"breaks off in the headers", rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Le"), outbox.Unknown, false},
	{"breaks off before the body", rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), outbox.Unknown, false},
	{"breaks off in the body", rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + `{"errcode":0,`), outbox.Unknown, false},
	{"promises more than a whole JSON", rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + accepted), outbox.Unknown, false},
	{"never ends the last chunk", rawserver.Answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), outbox.Unknown, false},
	{"resets in the body", func(c net.Conn) {
		rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")(c)
		rawserver.Reset(c)
	}, outbox.Unknown, false},
	{"stalls in the body", func(c net.Conn) {
		rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")(c)
		rawserver.Silence(c)
	}, outbox.Unknown, true},
	{"drips", func(c net.Conn) {
		rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n{")(c)
		for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C {
			if _, err := c.Write([]byte(" ")); err != nil {
				tick.Stop()
				return
			}
		}
	}, outbox.Unknown, true},
	{"answers without end", func(c net.Conn) {
		rawserver.Answer("HTTP/1.1 200 OK\r\n\r\n{")(c)
		for blank := []byte(strings.Repeat(" ", 4096)); ; {
			if _, err := c.Write(blank); err != nil {
				return
			}
		}
	}, outbox.Unknown, false},
	{"sends headers without end", func(c net.Conn) {
		rawserver.Answer("HTTP/1.1 200 OK\r\n")(c)
		for line := []byte("X-Filler: " + strings.Repeat("x", 1000) + "\r\n"); ; {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	}, outbox.Unknown, false},
	{"speaks another protocol", rawserver.Answer("SSH-2.0-OpenSSH_9.6\r\n"), outbox.Unknown, false},
	{"answers nothing", rawserver.Answer(rawserver.OK("")), outbox.Unknown, false},
	{"answers HTML", rawserver.Answer(rawserver.OK("<html>ok</html>")), outbox.Unknown, false},
	{"answers half a JSON", rawserver.Answer(rawserver.OK(`{"errcode":0,"errmsg":"o`)), outbox.Unknown, false},
	{"packs the answer", rawserver.Answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"), outbox.Unknown, false},
	{"answers 204", rawserver.Answer("HTTP/1.1 204 No Content\r\n\r\n"), outbox.Unknown, false},
	{"answers 201 and 0", rawserver.Answer(rawserver.Status("201 Created", accepted)), outbox.Unknown, false},
	{"answers 502", rawserver.Answer(rawserver.Status("502 Bad Gateway", "<html>")), outbox.Unknown, false},
	{"answers 503 and -1", rawserver.Answer(rawserver.Status("503 Busy", `{"errcode":-1}`)), outbox.Unknown, false},
	{"answers 400 and 0", rawserver.Answer(rawserver.Status("400 Bad Request", accepted)), outbox.Unknown, false},
	{"answers 302", rawserver.Answer("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), outbox.Unknown, false},
	{"answers 307", rawserver.Answer("HTTP/1.1 307 Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"), outbox.Halt, false},
	{"answers 404", rawserver.Answer(rawserver.Status("404 Not Found", "no")), outbox.Halt, false},
	{"answers 413", rawserver.Answer(rawserver.Status("413 Too Large", "no")), outbox.Refused, false},
	{"answers 429", rawserver.Answer(rawserver.Status("429 Slow Down", "no")), outbox.Later, false},
	{"answers 403", rawserver.Answer(rawserver.Status("403 Forbidden", "no")), outbox.Later, false},
	{"answers 403 and 48001", rawserver.Answer(rawserver.Status("403 Forbidden", `{"errcode":48001}`)), outbox.Halt, false},
	{"answers -1", rawserver.Answer(rawserver.OK(`{"errcode":-1,"errmsg":"system error"}`)), outbox.Later, false},
	{"accepts", rawserver.Answer(rawserver.OK(accepted)), outbox.Accepted, false},
	{"accepts and closes", rawserver.Answer("HTTP/1.0 200 OK\r\n\r\n" + accepted), outbox.Accepted, false},
	{"hints and accepts", rawserver.Answer("HTTP/1.1 103 Early Hints\r\n\r\n" + rawserver.OK(accepted)), outbox.Accepted, false},
}

func TestServerThatReadTheRequest(t *testing.T) {
	for _, tt := range after {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			addr := rawserver.Listen(t, func(c net.Conn) {
				if rawserver.Read(c) == nil {
					requests.Add(1)
					tt.then(c)
				}
			})
			limit := time.Minute
			if tt.short {
				limit = 300 * time.Millisecond
			}
			s := holding(t, newSender(t, "http://"+addr, timeout(limit)), canaryToken)
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

// The template decides what doubt means: the same servers, with onUnknown: resend.
func TestDoubtWithResend(t *testing.T) {
	for _, tt := range after {
		if tt.want != outbox.Unknown || tt.short {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := rawserver.Listen(t, func(c net.Conn) {
				if rawserver.Read(c) == nil {
					tt.then(c)
				}
			})
			s := holding(t, newSender(t, "http://"+addr), canaryToken)
			if v := s.Send(t.Context(), claimAgain(1)); v.Outcome != outbox.Later || v.Stops != nil {
				t.Errorf("%v stops %q (%s), want later at the cost of an attempt", v.Outcome, v.Stops, v.Text)
			}
		})
	}
}

func TestServerThatReadsPartOfTheRequest(t *testing.T) {
	for _, n := range []int64{1, 16, 100, 250, 400} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			addr := rawserver.Listen(t, func(c net.Conn) {
				_, _ = io.CopyN(io.Discard, c, n)
				rawserver.Reset(c)
			})
			s := holding(t, newSender(t, "http://"+addr), canaryToken)
			if v := s.Send(t.Context(), claim()); v.Outcome != outbox.Unknown {
				t.Errorf("%v (%s), want unknown", v.Outcome, v.Text)
			}
		})
	}
}

func TestNothingWasWritten(t *testing.T) {
	plain := rawserver.Listen(t,
		func(c net.Conn) { rawserver.Answer("HTTP/1.1 400 Bad Request\r\n\r\n")(c); rawserver.Silence(c) })
	silent := rawserver.Listen(t, rawserver.Silence)
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
			s := holding(t, newSender(t, tt.url, timeout(200*time.Millisecond)), canaryToken)
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
		addr := rawserver.Listen(t, func(c net.Conn) { conns.Add(1); rawserver.Reset(c) })
		s := holding(t, newSender(t, "http://"+addr), canaryToken)
		v := s.Send(t.Context(), claim())
		if v.Outcome != outbox.Unknown && v.Outcome != outbox.Later || conns.Load() > 1 {
			t.Fatalf("%v (%s), %d connections", v.Outcome, v.Text, conns.Load())
		}
	}
}

// A server that closes after each answer races with the next request. Whatever comes out, no message is written twice.
func TestKeptConnectionClosedByServer(t *testing.T) {
	const sends = 300
	var requests atomic.Int32
	addr := rawserver.Listen(t, func(c net.Conn) {
		if rawserver.Read(c) == nil {
			requests.Add(1)
			rawserver.Answer(rawserver.OK(accepted))(c)
		}
	})
	s := holding(t, newSender(t, "http://"+addr), canaryToken)
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
