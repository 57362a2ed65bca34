package wechat

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/channel/wire"
	"github.com/submsg/submsg/internal/lab/rawserver"
	"github.com/submsg/submsg/outbox"
)

// hotPath is a part of what is done for each message, and the most that it may allocate.
type hotPath struct {
	name   string
	allocs float64
	do     func()
}

var request []byte // for all to see, so that it is allocated as in earnest

func hotPaths(t testing.TB) []hotPath {
	m := render(t, claim())
	s := newSender(t, "http://127.0.0.1:1")
	judge := func(body string) func() {
		r := wire.Reply{Status: 200, Body: []byte(body), Left: true}
		return func() {
			_, _ = m.judge(r, func(text string) string { return s.account.Hide(text, canaryToken, canaryOpenID) })
		}
	}
	return []hotPath{
		{"request", 1, func() { request = appendRequest(make([]byte, 0, usualRequest), canaryOpenID, m.payload) }},
		{"accepted", 9, judge(accepted)},
		{"refused", 16, judge(`{"errcode":43101,"errmsg":"user refuse to accept the msg rid: 6472dfd0-536f4e2c-16f28abc"}`)},
	}
}

func BenchmarkHotPaths(b *testing.B) {
	for _, p := range hotPaths(b) {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.do()
			}
		})
	}
}

func TestHotPathsAllocate(t *testing.T) {
	for _, p := range hotPaths(t) {
		if n := testing.AllocsPerRun(100, p.do); n > p.allocs && !raced {
			t.Errorf("%s: %g allocations, at most %g are needed", p.name, n, p.allocs)
		}
	}
}

// BenchmarkSend has a server that does the least: what is measured is this side.
func BenchmarkSend(b *testing.B) {
	reply := fmt.Appendf(nil,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json; encoding=utf-8\r\nContent-Length: %d\r\n\r\n%s",
		len(accepted), accepted)
	address := rawserver.Listen(b, func(c net.Conn) {
		in := make([]byte, 64<<10)
		for {
			if _, err := c.Read(in); err != nil { // a message leaves in one write
				return
			}
			if _, err := c.Write(reply); err != nil {
				return
			}
		}
	})
	log := logTo(io.Discard)
	log.Logger.SetLevel(logrus.InfoLevel)
	s := holding(b, newSender(b, "http://"+address, func(c *Config) { c.Log = log }), canaryToken)
	b.ReportAllocs()
	for b.Loop() {
		if v := s.Send(b.Context(), claim()); v.Outcome != outbox.Accepted {
			b.Fatal(v.Text)
		}
	}
}
