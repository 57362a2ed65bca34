// Package rawserver serves bytes on a TCP port for tests: answers that no HTTP library would give, connections that
// break in the middle, silence.
//
// It knows no WeChat; what it answers is written out by the test that uses it. Begin reading at Listen.
package rawserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Listen serves every connection with serve, which need not close it, until the test's end. It returns the address,
// host:port.
func Listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// Read reads one whole request off a connection.
func Read(c net.Conn) error {
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err
}

// Answer returns a function that writes raw to a connection.
func Answer(raw string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, raw) }
}

// Reset closes a connection by RST.
func Reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// Silence waits until the client has gone.
func Silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// OK is a whole answer with status 200 and that body.
func OK(body string) string { return Status("200 OK", body) }

// Status is a whole answer with that status line, such as "502 Bad Gateway".
func Status(line, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", line, len(body), body)
}
