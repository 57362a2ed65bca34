package e2e

import (
	"syscall"
	"testing"
)

// SUBMSG_RATE holds for all replicas together, and not for one that is started without it.
func TestRate(t *testing.T) {
	t.Parallel()
	const messages = 20
	w := newWorld(t, "--grant-all")
	paced := []*process{w.serve("SUBMSG_RATE=0.01"), w.serve("SUBMSG_RATE=0.01")}
	w.insertPeople(messages)
	eventually(t, "the first is sent", func() bool { return w.count("success") == 1 })
	for _, p := range paced {
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	if sent, waiting := len(w.sent("")), w.count("wait"); sent != 1 || waiting != messages-1 {
		t.Errorf("%d sent, %d waiting", sent, waiting)
	}
	w.serve()
	eventually(t, "all are sent", func() bool { return w.count("success") == messages })
	w.exactlyOnce(0)
}
