package e2e

import (
	"syscall"
	"testing"
	"time"
)

// A serve that is told to stop in mid-work finishes what it has begun, and the next one goes on.
func TestDrains(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			const messages = 2000
			w := newWorld(t, "--grant-all", "--latency=50ms", "--quiet")
			p := w.serve("SUBMSG_SENDERS=32")
			w.insertPeople(messages)
			eventually(t, "it is under load", func() bool { return w.count("success") > 100 })
			p.signal(signal)
			if code := p.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			p.says("msg=stopped")
			done, waiting := w.count("success"), w.count("wait")
			if done+waiting != messages || waiting == 0 {
				t.Errorf("%d sent and %d waiting of %d", done, waiting, messages)
			}
			w.exactlyOnce(0)

			w.serve()
			eventually(t, "the rest is sent", func() bool { return w.count("success") == messages })
			w.exactlyOnce(0)
		})
	}
}

// The second signal doesn't wait. What was on the wire is in doubt, and a person can't send it again before the lease
// is over.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--grant-all", "--latency=15s")
	p := w.serve("SUBMSG_SENDERS=4")
	w.insertPeople(8)
	eventually(t, "they are on the wire", func() bool { return len(w.sent("")) == 4 && w.count("sending") == 4 })
	began := time.Now()
	p.signal(syscall.SIGTERM)
	eventually(t, "it takes a later one for the second", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGINT) // another one, so that the kernel can't fold the two
		return p.ended()
	})
	if took := time.Since(began); took < time.Second {
		t.Errorf("ended %s after the first signal: what comes within a second is the same one", took)
	}
	if code := p.exit(); code != 130 {
		t.Errorf("exit code %d", code)
	}
	p.says("second signal, stopping at once; messages in mid-send become unknown")
	if sending, waiting := w.count("sending"), w.count("wait"); sending != 4 || waiting != 4 {
		t.Errorf("%d sending, %d waiting: want those on the wire and the rest", sending, waiting)
	}
}

// serve may be told to stop before it has found its database.
func TestStopsWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := start(t, w.settings("DATABASE_URL=postgres://nobody@127.0.0.1:1/none"), "serve")
	p.says("database can't be reached, trying again")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	p.says("submsg: interrupted while the database can't be reached")
}
