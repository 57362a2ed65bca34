package e2e

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/submsg/submsg/cmd/submsg/command"
)

// notified is systemd's end of sd_notify.
type notified struct {
	t    *testing.T
	conn net.PacketConn
	path string
}

func newNotified(t *testing.T) *notified {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &notified{t: t, path: filepath.Join(dir, "s")}
	if n.conn, err = net.ListenPacket("unixgram", n.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.conn.Close() })
	return n
}

// next is the next state told.
func (n *notified) next() string {
	n.t.Helper()
	if err := n.conn.SetReadDeadline(time.Now().Add(waitAtMost)); err != nil {
		n.t.Fatal(err)
	}
	text := make([]byte, 100)
	size, _, err := n.conn.ReadFrom(text)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text[:size])
}

func TestServeUnderSystemd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	systemd := newNotified(t)
	p := w.serve("NOTIFY_SOCKET="+systemd.path, "WATCHDOG_USEC=30000", "WATCHDOG_PID=")
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := systemd.next(); got != want {
			t.Errorf("told %s, want %s", got, want)
		}
	}
	p.signal(syscall.SIGTERM)
	eventually(t, "it is stopping", func() bool { return systemd.next() == "STOPPING=1" })
	if code := p.exit(); code != command.ExitOK {
		t.Errorf("exit code %d", code)
	}
}
