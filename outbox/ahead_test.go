package outbox_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/submsg/submsg/outbox"
)

// stuck is a channel that answers at once, until it is told to hold everything.
type stuck struct {
	channel
	hold  atomic.Bool
	gate  chan struct{}
	after func(outbox.Claimed) outbox.Verdict // what a held message gets in the end
	held  atomic.Int64
}

func newStuck() *stuck {
	s := &stuck{gate: make(chan struct{}), after: accepted}
	s.answer = func(_ context.Context, m outbox.Claimed) outbox.Verdict {
		if !s.hold.Load() {
			return accepted(m)
		}
		s.held.Add(1)
		<-s.gate
		return s.after(m)
	}
	return s
}

const bulk = `INSERT INTO subMsgList (openid, templateId) SELECT 'o' || n, 't' FROM generate_series(1, 5000) AS n`

// holdsSome runs a consumer into a backlog and holds all of its senders, while it has claimed messages ahead.
func holdsSome(t *testing.T, d *db, s *stuck, cfg outbox.Config) (stop func() error) {
	t.Helper()
	stop = run(t, cfg)
	d.exec(bulk)
	eventually(t, "under load", func() bool { return s.count() > 1000 })
	s.hold.Store(true)
	eventually(t, "all senders are held", func() bool { return s.held.Load() == int64(cfg.Senders) })
	sending := func() int { return d.count(`sendStatus = 'sending'`) }
	eventually(t, "nothing moves, and some are claimed ahead", func() bool {
		before := sending()
		time.Sleep(50 * time.Millisecond)
		return before == sending() && before > cfg.Senders
	})
	return stop
}

// What was claimed ahead waits again at once when the consumer stops, as if nobody had claimed it. What has begun ends.
func TestStopGivesBackWhatIsAhead(t *testing.T) {
	t.Parallel()
	d, s := newDB(t), newStuck()
	cfg := config(d, s)
	cfg.Senders = 16
	stop := holdsSome(t, d, s, cfg)
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	eventually(t, "only what has begun is being sent", func() bool {
		return d.count(`sendStatus = 'sending'`) == cfg.Senders
	})
	if n := d.count(`sendStatus = 'wait' AND (attempts > 0 OR sendAfter > createTime)`); n > 0 {
		t.Errorf("%d messages don't wait as they did before", n)
	}
	close(s.gate)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if done := d.count(`sendStatus = 'success'`); done != s.count() || d.count(`sendStatus = 'wait'`) != 5000-done {
		t.Errorf("%d succeeded of %d sent", done, s.count())
	}
}

// A pause of their template gives back what was claimed ahead: nothing of it begins any more.
func TestPauseGivesBackWhatIsAhead(t *testing.T) {
	t.Parallel()
	d, s := newDB(t), newStuck()
	s.after = func(outbox.Claimed) outbox.Verdict {
		return outbox.Verdict{Outcome: outbox.Halt, Text: "banned", Stops: []string{"t"}}
	}
	cfg := config(d, s)
	cfg.Senders, cfg.ProbeEvery = 16, never
	holdsSome(t, d, s, cfg)
	s.gate <- struct{}{} // one of them says that the template is banned
	eventually(t, "only what has begun is being sent", func() bool {
		return d.count(`sendStatus = 'sending'`) == cfg.Senders-1 && one[int](d, `SELECT count(*) FROM subMsgPause`) == 1
	})
	close(s.gate)
	eventually(t, "nothing is being sent", func() bool { return d.count(`sendStatus = 'sending'`) == 0 })
	if n := s.held.Load(); n != int64(cfg.Senders) {
		t.Errorf("%d sends into a banned template, %d had begun when it said so", n, cfg.Senders)
	}
	if n := d.count(`sendStatus = 'wait' AND attempts > 0`); n > 0 {
		t.Errorf("%d messages don't wait as they did before", n)
	}
}

// A consumer never holds more than nine messages a sender, and hardly one more than its senders where a send takes its
// time.
func TestAheadIsBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		takes time.Duration
		most  int
	}{
		"a send takes no time": {0, 9 * 4},
		"a send takes 100 ms":  {100 * time.Millisecond, 2 * 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDB(t)
			ch := &channel{answer: func(_ context.Context, m outbox.Claimed) outbox.Verdict {
				time.Sleep(tt.takes) // the wire
				return accepted(m)
			}}
			cfg := config(d, ch)
			cfg.Senders = 4
			run(t, cfg)
			d.exec(bulk)
			for sent := 0; sent < 100; sent = ch.count() {
				if n := d.count(`sendStatus = 'sending'`); n > tt.most {
					t.Fatalf("%d are being sent, at most %d may be", n, tt.most)
				}
			}
		})
	}
}
