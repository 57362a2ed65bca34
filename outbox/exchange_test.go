package outbox_test

import (
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// While the Sender isn't ready, verdicts are settled all the same, but nothing is claimed in their stead.
func TestNotReadyInBacklog(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	const senders, backlog = 8, 400
	ready := make(chan struct{})
	ch.answer = gated(ready) // holds the first sends until the sender has become unready
	unready := make(chan struct{})
	ch.ready = func() outbox.Verdict {
		select {
		case <-unready:
			return outbox.Verdict{Outcome: outbox.Halt, Text: "no token"}
		default:
			return outbox.Verdict{Outcome: outbox.Accepted}
		}
	}
	cfg := config(d, ch)
	cfg.Senders, cfg.Poll = senders, 20*time.Millisecond
	for n := range backlog {
		d.insert(message(n))
	}
	run(t, cfg)
	eventually(t, "all senders are busy", func() bool { return ch.count() == senders })
	close(unready)
	close(ready)
	eventually(t, "all that was sent is settled, and nothing else is claimed", func() bool {
		return d.count(`sendStatus = 'sending'`)+one[int](d, `SELECT count(*) FROM subMsgClaim`) == 0
	})
	if n := ch.count(); n > 2*senders { // the claimer had asked, and waited for a free sender
		t.Errorf("%d messages sent, %d before the sender wasn't ready", n, senders)
	}
}
