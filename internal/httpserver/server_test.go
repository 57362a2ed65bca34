package httpserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen answers until the test's end.
func listen(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Addr, cfg.Within = "127.0.0.1:0", time.Minute
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	wg.Go(func() {
		if err := s.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial opens a connection that asks for a page, or says nothing.
func dial(t *testing.T, s *Server, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return c
}

const get = "GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"

// open is how many connections the listener has.
func (s *Server) open() int {
	cs := s.listener.(bounded).open
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// Idle connections give way before those that are being answered, and the newest is always answered.
func TestOldestIdleConnectionGivesWay(t *testing.T) {
	hold, begun := make(chan struct{}), make(chan struct{}, 1)
	var told []string
	s := listen(t, Config{Conns: fewestConns, Log: func(text string) { told = append(told, text) },
		Pages: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				begun <- struct{}{}
				<-hold
			}
			fmt.Fprint(w, "answer")
		})})
	slow := dial(t, s, fmt.Sprintf(get, "slow"))
	<-begun
	for range 10 * fewestConns {
		dial(t, s, "GET / HT") // never ends
	}
	quick := dial(t, s, fmt.Sprintf(get, "quick"))
	for _, c := range []net.Conn{quick, slow} {
		if c == slow {
			close(hold)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("slow: %t: %v", c == slow, err)
		}
		answer.Body.Close()
	}
	if n := s.open(); n > fewestConns {
		t.Errorf("%d connections are open", n)
	}
	if len(told) != 1 || !strings.Contains(told[0], "there are 8 connections") {
		t.Errorf("told: %q", told)
	}
}

// Whoever has most gives way, also where another one has the oldest.
func TestWhoHasMostGivesWay(t *testing.T) {
	cs := &connections{most: 4, open: map[*conn]struct{}{}}
	add := func(addr string, number uint64, busy bool) *conn {
		c := &conn{from: owner(&net.TCPAddr{IP: net.ParseIP(addr)}), number: number, busy: busy}
		cs.open[c] = struct{}{}
		return c
	}
	add("192.0.2.1", 1, false)
	add("2001:db8:0:1::1", 2, true)
	second := add("2001:db8:0:1::2", 3, false) // of the same network
	if got := cs.givesWay(); got != second {
		t.Errorf("number %d gives way", got.number)
	}
	second.busy = true
	if got := cs.givesWay(); got.number != 2 {
		t.Errorf("number %d gives way where both are busy", got.number)
	}
}

// A connection that was taken over counts until it is closed.
func TestConnectionTakenOver(t *testing.T) {
	taken := make(chan net.Conn, 1)
	s := listen(t, Config{Conns: 10, Pages: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
		}
		taken <- c
	})})
	dial(t, s, fmt.Sprintf(get, ""))
	c := <-taken
	if n := s.open(); n != 1 {
		t.Errorf("%d are open, one was taken over", n)
	}
	if _, ok := c.(interface{ SetLinger(int) error }); !ok {
		t.Errorf("%T can't be reset", c)
	}
	c.Close()
	if n := s.open(); n != 0 {
		t.Errorf("%d are open", n)
	}
}

func TestHosts(t *testing.T) {
	h := hostsOf(Config{Addr: "Submsg.internal:8787", Hosts: []string{"fakewechat", "a.example."}})
	for host, own := range map[string]bool{
		"": true, "localhost": true, "localhost:8787": true, "LOCALHOST.": true, "x.localhost:1": true,
		"127.0.0.1:8787": true, "10.1.2.3": true, "[::1]:8787": true, "[fe80::1]": true, "::1": true,
		"submsg.internal:8787": true, "fakewechat:8788": true, "A.example": true,
		"attacker.example": false, "attacker.example:8787": false, "127.0.0.1.attacker.example": false,
		"localhost.attacker.example": false, "xlocalhost": false, "submsg": false, "0x7f.1": false, "[::1].example": false,
		"fakewechat:8788:1": false, "fakewechat\x00": false,
	} {
		if got := h.own(host); got != own {
			t.Errorf("%q: %t", host, got)
		}
	}
}

func TestLocal(t *testing.T) {
	for _, tt := range []struct {
		from, header string
		local        bool
	}{
		{"127.0.0.1:5", "", true}, {"[::1]:5", "", true}, {"[::ffff:127.0.0.1]:5", "", true},
		{"10.0.0.1:5", "", false}, {"", "", false}, {"@", "", false},
		{"127.0.0.1:5", "X-Forwarded-For", false}, {"127.0.0.1:5", "Forwarded", false}, {"127.0.0.1:5", "Via", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.from
		if tt.header != "" {
			r.Header.Set(tt.header, "198.51.100.7")
		}
		if got := Local(r); got != tt.local {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

// However much strangers cause, and whatever they write.
func TestTroubleIsSaidSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		trouble := &trouble{tell: func(text string) { told = append(told, text) }}
		for range 1000 {
			fmt.Fprint(trouble, "http: \x1b[2J\u202e\xff from here\nand more")
			time.Sleep(troubleEvery / 100)
		}
		if len(told) != 10 || !strings.Contains(told[1], " (and 99 more since ") {
			t.Errorf("told %d times: %q", len(told), told)
		}
		if text := strings.Join(told, ""); !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\u202e\n") {
			t.Errorf("%q", told[0])
		}
	})
}
