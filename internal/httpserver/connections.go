package httpserver

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
)

const (
	spareDescriptors = 64 // files, sockets of resolvers, a log
	fewestConns      = 8
)

// Descriptors is how many file descriptors this process may have. Go has raised the limit as far as it may already.
func Descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}

// within is the number of connections that the file descriptors allow.
func within(conns int) int { return max(fewestConns, min(conns, Descriptors()-spareDescriptors)) }

// connections are the open ones. When there are as many as there may be, a new one is taken all the same and another
// one is closed for it: so nobody who holds connections can lock out those who come with a question, as the probe of
// whatever restarts a process that doesn't answer.
type connections struct {
	most    int
	trouble *trouble

	mu   sync.Mutex
	open map[*conn]struct{}
	last uint64 // the number of the newest
}

// conn is one of them. It is a TCPConn in everything, so that net/http and those who take over a connection find what
// they look for.
type conn struct {
	*net.TCPConn
	of     *connections
	from   netip.Prefix // whose it is
	number uint64       // the older, the lower
	busy   bool         // a request is being answered; guarded by of.mu
}

// Close makes room.
func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// bounded is a listener whose connections are counted.
type bounded struct {
	net.Listener
	open *connections
}

func (l bounded) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.open.add(c.(*net.TCPConn)), nil
}

func (cs *connections) add(tcp *net.TCPConn) *conn {
	c := &conn{TCPConn: tcp, of: cs, from: owner(tcp.RemoteAddr())}
	cs.mu.Lock()
	var out *conn
	if len(cs.open) >= cs.most {
		out = cs.givesWay()
		delete(cs.open, out)
	}
	cs.last++
	c.number = cs.last
	cs.open[c] = struct{}{}
	cs.mu.Unlock()
	if out != nil {
		_ = out.TCPConn.Close()
		fmt.Fprintf(cs.trouble, "http: there are %d connections, as many as there may be: the oldest idle one of who "+
			"has most was closed for a new one", cs.most)
	}
	return c
}

// givesWay is the oldest connection of who has most of them, one that waits for a request before one that is being
// answered. The lock is held.
func (cs *connections) givesWay() (out *conn) {
	held := map[netip.Prefix]int{}
	for c := range cs.open {
		held[c.from]++
	}
	for c := range cs.open {
		if out == nil || cmp.Or(cmp.Compare(held[out.from], held[c.from]), compareBusy(c, out),
			cmp.Compare(c.number, out.number)) < 0 {
			out = c
		}
	}
	return out
}

func compareBusy(a, b *conn) int {
	switch {
	case a.busy == b.busy:
		return 0
	case b.busy:
		return -1
	}
	return 1
}

// state is told by net/http what a connection is doing. Whose connection was taken over has it until it is closed.
func (cs *connections) state(c net.Conn, state http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c.(*conn).busy = state == http.StateActive || state == http.StateHijacked
}

// owner is who is behind an address: of IPv6, everybody has a network of 64 bits.
func owner(a net.Addr) netip.Prefix {
	addr := a.(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	prefix, _ := addr.Prefix(bits) // the bits fit the address
	return prefix
}
