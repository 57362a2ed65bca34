package pgembed

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestParseListen(t *testing.T) {
	for _, tt := range []struct{ listen, host, wrong string }{
		{listen: "", host: "invalid IP"},
		{listen: "127.0.0.1:5544", host: "127.0.0.1"},
		{listen: "127.0.0.1:0", host: "127.0.0.1"},
		{listen: "localhost:5544", host: "127.0.0.1"},
		{listen: "[::1]:5544", host: "::1"},
		{listen: "0.0.0.0:5544", wrong: "only loopback"},
		{listen: ":5544", wrong: "only loopback"},
		{listen: "192.168.1.5:5544", wrong: "only loopback"},
		{listen: "example.com:5544", wrong: "only loopback"},
		{listen: "127.0.0.1", wrong: "want host:port"},
		{listen: "127.0.0.1:65536", wrong: "up to 65535"},
		{listen: "127.0.0.1:psql", wrong: "up to 65535"},
	} {
		t.Run(tt.listen, func(t *testing.T) {
			e, err := parseListen(tt.listen)
			if tt.wrong == "" {
				if err != nil || e.host.String() != tt.host {
					t.Errorf("host %v, %v", e.host, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("error = %v, want %q", err, tt.wrong)
			}
		})
	}
}

func TestListenNeedsThePassword(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Test: true, Listen: "127.0.0.1:0"})
	if got := ask(t, s.URL(), "SELECT host(inet_server_addr())"); got != "127.0.0.1" {
		t.Errorf("URL leads to %q", got)
	}
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(superuser, "guess")
	if conn, err := pgx.Connect(t.Context(), u.String()); err == nil {
		conn.Close(t.Context())
		t.Error("a wrong password was let in")
	} else if !strings.Contains(err.Error(), "password authentication failed") {
		t.Error(err)
	}
}

func TestListenOnATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(t.Context(), Config{Test: true, Listen: l.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("error = %v", err)
	}
}
