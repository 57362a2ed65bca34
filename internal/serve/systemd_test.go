package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
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
	if err := n.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		n.t.Fatal(err)
	}
	text := make([]byte, 100)
	size, _, err := n.conn.ReadFrom(text)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text[:size])
}

// The watchdog hears of a process only while it is alive, and it is logged once when it isn't.
func TestWatchdog(t *testing.T) {
	systemd := newNotified(t)
	t.Setenv("NOTIFY_SOCKET", systemd.path)
	t.Setenv("WATCHDOG_USEC", "3000")
	t.Setenv("WATCHDOG_PID", fmt.Sprint(os.Getpid()))
	var printed strings.Builder
	log := logrus.New()
	log.SetOutput(&printed)
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	alive := func() bool {
		asked++
		dead := asked == 3 || asked == 4
		if dead {
			_ = sdNotify("dead")
		}
		if asked == 6 {
			cancel()
		}
		return !dead
	}
	sdWatch(ctx, alive, logrus.NewEntry(log))
	var got []string
	for range 6 {
		got = append(got, systemd.next())
	}
	if diff := cmp.Diff([]string{sdWatchdog, sdWatchdog, "dead", "dead", sdWatchdog, sdWatchdog}, got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(printed.String(), "watchdog will restart submsg"); n != 1 {
		t.Errorf("said %d times:\n%s", n, printed.String())
	}
}

// Without systemd nothing is told, and nobody asks whether we are alive.
func TestNoSystemd(t *testing.T) {
	for _, tt := range []struct{ usec, pid string }{{"", ""}, {"nonsense", ""}, {"0", ""}, {"1000", "1"}} {
		t.Setenv("NOTIFY_SOCKET", "")
		t.Setenv("WATCHDOG_USEC", tt.usec)
		t.Setenv("WATCHDOG_PID", tt.pid)
		log := logrus.New()
		log.SetOutput(io.Discard)
		sdWatch(t.Context(), func() bool { t.Errorf("%+v: watched", tt); return true }, logrus.NewEntry(log))
		if err := sdNotify(sdReady); err != nil {
			t.Error(err)
		}
	}
	t.Setenv("NOTIFY_SOCKET", "/nonexistent/socket")
	if err := sdNotify(sdReady); err == nil {
		t.Error("a socket that isn't there was told")
	}
}
