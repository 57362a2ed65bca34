package pgembed

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// superuser is the database role of whoever started the server.
const superuser = "postgres"

// endpoint is where the server is reached: always by its socket, and by TCP if host is valid.
type endpoint struct {
	host netip.Addr
	port int
	any  bool // the caller left the port to us
}

// parseListen reads Config.Listen. It takes only loopback addresses, because the server has one superuser and no TLS.
func parseListen(listen string) (endpoint, error) {
	if listen == "" {
		return endpoint{port: 5432}, nil
	}
	hostText, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return endpoint{}, fmt.Errorf("listen address %q: want host:port, like 127.0.0.1:5544", listen)
	}
	if hostText == "localhost" {
		hostText = "127.0.0.1"
	}
	host, err := netip.ParseAddr(hostText)
	if err != nil || !host.IsLoopback() || host.Zone() != "" {
		return endpoint{},
			fmt.Errorf("listen address %q: only loopback addresses are allowed, like 127.0.0.1:5544", listen)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("listen address %q: the port must be a number up to 65535", listen)
	}
	return endpoint{host: host, port: int(port), any: port == 0}, nil
}

// pickPort finds a free port where the caller left it open. PostgreSQL can't do that itself; another process may take
// the port before the server does, so the caller tries again.
func (e *endpoint) pickPort() error {
	if !e.any {
		return nil
	}
	l, err := net.Listen("tcp", netip.AddrPortFrom(e.host, 0).String())
	if err != nil {
		return err
	}
	e.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// URL connects to the server's database postgres as its superuser, with pgx, psql and everything built on libpq:
// by TCP if Config.Listen was set, else by the socket.
func (s *Server) URL() string { return s.DatabaseURL("postgres") }

// DatabaseURL is URL for another database. The database need not exist yet.
func (s *Server) DatabaseURL(name string) string {
	if !s.endpoint.host.IsValid() {
		return s.socketURL(name)
	}
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     netip.AddrPortFrom(s.endpoint.host, uint16(s.endpoint.port)).String(),
		Path:     "/" + name,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (s *Server) socketURL(name string) string {
	query := url.Values{"host": {s.run.path}, "port": {strconv.Itoa(s.endpoint.port)}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + name, RawQuery: query.Encode()}
	return u.String()
}
