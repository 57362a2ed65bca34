package e2e

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// proxy is an address for a server that comes and goes: between down and up nobody listens there.
type proxy struct {
	t      *testing.T
	addr   string
	mu     sync.Mutex
	listen net.Listener
	conns  []net.Conn
}

// newProxy takes an address. It stays taken while nobody listens, by a socket that is bound and no more: the tests
// beside this one open connections by the hundred, and one of them would get it.
func newProxy(t *testing.T) *proxy {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.CloseOnExec(fd)
	t.Cleanup(func() { unix.Close(fd) })
	if err := share(uintptr(fd)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*unix.SockaddrInet4).Port}
	p := &proxy{t: t, addr: at.String()}
	t.Cleanup(p.down)
	return p
}

// share lets several sockets of ours have one address.
func share(fd uintptr) error {
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// up lets connections through to a server.
func (p *proxy) up(network, server string) {
	p.t.Helper()
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) { err = share(fd) }); failed != nil {
			return failed
		}
		return err
	}}
	l, err := config.Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	p.listen = l
	p.mu.Unlock()
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // down
			}
			backend, err := net.Dial(network, server)
			if err != nil {
				client.Close()
				continue
			}
			p.join(client, backend)
		}
	}()
}

func (p *proxy) join(a, b net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, a, b)
	pump := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // either end may go at any time
		to.Close()
		from.Close()
	}
	go pump(a, b)
	go pump(b, a)
}

// down refuses new connections and cuts all others.
func (p *proxy) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listen != nil {
		p.listen.Close()
		p.listen = nil
	}
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}
