//go:build faults

package faults

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// proxy stands between submsg and Postgres, and harms what passes.
type proxy struct {
	t    *testing.T
	addr string

	mu      sync.Mutex
	network string // of the server behind
	address string
	limit   func() int // of the next connection: after how many bytes towards the client it is cut, 0 for never
	speed   int        // bytes a second towards the client, 0 for no limit
	refused bool
	lose    string // the statement whose next answer is lost, "" for none
	lost    int    // answers
	links   map[*link]struct{}
	cuts    map[int]bool  // the limits at which a connection was cut
	ended   chan struct{} // closed at the end of the test
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	limit, left    int // bytes towards the client until it is cut, in all and now; 0 for never
	dead           chan struct{}
	once           sync.Once
	losing         int // 1: the statement to lose was prepared, 2: it is being executed
}

// newProxy listens in front of the server of a database URL.
func newProxy(t *testing.T, databaseURL string) *proxy {
	t.Helper()
	p := &proxy{t: t, links: make(map[*link]struct{}), cuts: make(map[int]bool), ended: make(chan struct{}),
		limit: never}
	p.lead(databaseURL)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client.(*net.TCPConn))
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
		close(p.ended)
		p.refuse(true)
	})
	return p
}

// lead points it at the server of another URL, for connections to come.
func (p *proxy) lead(databaseURL string) {
	p.t.Helper()
	cfg, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network, p.address = pgconn.NetworkAddress(cfg.Host, cfg.Port)
}

// url is a database URL, by way of the proxy.
func (p *proxy) url(databaseURL string) string {
	p.t.Helper()
	cfg, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		p.t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(cfg.User, cfg.Password), Host: p.addr,
		Path: "/" + cfg.Database, RawQuery: "sslmode=disable"}
	return u.String()
}

func (p *proxy) serve(client *net.TCPConn) {
	p.mu.Lock()
	network, address, refused := p.network, p.address, p.refused
	p.mu.Unlock()
	server, err := net.Dial(network, address)
	if refused || err != nil {
		if err == nil {
			server.Close()
		}
		reset(client)
		return
	}
	p.mu.Lock()
	l := &link{client: client, server: server, dead: make(chan struct{})}
	p.links[l] = struct{}{}
	p.mu.Unlock()
	go func() {
		p.carry(l, server, client, p.meet(l))
		l.close()
	}()
	p.carry(l, client, server, p.harm(l))
	l.close()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// carry copies until either end is closed. Each piece goes through harm; less than it was means that this was the last.
func (p *proxy) carry(l *link, to, from net.Conn, harm func([]byte) []byte) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		select {
		case <-l.dead: // half-open: whatever comes is swallowed, an end too
			if err != nil {
				<-p.ended
				return
			}
			continue
		default:
		}
		if err != nil {
			return
		}
		rest := harm(buf[:n])
		if _, err := to.Write(rest); err != nil || len(rest) < n {
			return
		}
	}
}

// meet gives a connection its limit when it is seen to be a session; pgx also makes some that only cancel a statement.
func (p *proxy) meet(l *link) func([]byte) []byte {
	const cancelRequest = "\x04\xd2\x16\x2e" // in place of the protocol's version
	met := false
	return func(b []byte) []byte {
		p.listen(l, b)
		if !met && len(b) >= 8 && string(b[4:8]) != cancelRequest {
			p.mu.Lock()
			l.limit = p.limit()
			l.left = l.limit
			p.mu.Unlock()
		}
		met = true
		return b
	}
}

// harm limits what goes to the client, in bytes and in speed.
func (p *proxy) harm(l *link) func([]byte) []byte {
	return func(b []byte) []byte {
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.losing == 2 {
			p.lost++
			return nil
		}
		if p.speed > 0 {
			time.Sleep(time.Duration(len(b)) * time.Second / time.Duration(p.speed)) // one line for all
		}
		if l.left == 0 || len(b) < l.left {
			l.left = max(l.left-len(b), 0)
			return b
		}
		p.cuts[l.limit] = true
		return b[:l.left-1] // at most the byte before the limit arrives
	}
}

// listen notes when the statement whose answer is to be lost goes by: pgx prepares it first, and sends what executes it
// when it has the answer to that.
func (p *proxy) listen(l *link, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.lose != "" && strings.Contains(string(b), p.lose):
		l.losing, p.lose = 1, ""
	case l.losing == 1:
		l.losing = 2
	}
}

// loseAnswer lets the next new connection that executes a statement with these words do so, and cuts it before the
// answer.
func (p *proxy) loseAnswer(words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = words
}

// answersLost counts what loseAnswer has done.
func (p *proxy) answersLost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

func (l *link) close() {
	l.client.Close()
	l.server.Close()
}

// reset closes with a RST, as a crashed peer's kernel does.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
}

// cutAfter cuts each connection to come after as many bytes towards the client as next says; 0 for never. The byte that
// reaches the limit is the first that doesn't arrive.
func (p *proxy) cutAfter(next func() int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = next
}

// slow limits all connections together to so many bytes a second towards the client; 0 ends it.
func (p *proxy) slow(bytesPerSecond int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.speed = bytesPerSecond
}

// cut resets all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		reset(l.client.(*net.TCPConn))
		l.server.Close()
	}
}

// cutIdle resets connections that have brought at least n bytes.
func (p *proxy) cutIdle(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if l.limit-l.left >= n {
			reset(l.client.(*net.TCPConn))
			l.server.Close()
		}
	}
}

// refuse resets all connections, and those to come until it is told otherwise.
func (p *proxy) refuse(yes bool) {
	p.mu.Lock()
	p.refused = yes
	p.mu.Unlock()
	if yes {
		p.cut()
	}
}

// orphan makes all connections half-open: neither end hears of the other again, and nobody tells them. New ones work,
// as after a firewall has forgotten its state.
func (p *proxy) orphan() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.once.Do(func() { close(l.dead) })
	}
}
