package outbox_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"pgregory.net/rapid"

	"github.com/submsg/submsg/outbox"
)

const slow = 0.01 // one message, and then none for longer than a test lives

func TestRateIsChecked(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	for _, tt := range []struct {
		rate float64
		ok   bool
	}{
		{0, true}, {1. / 3600, true}, {0.5, true}, {100_000, true},
		{-1, false}, {math.NaN(), false}, {math.Inf(1), false}, {math.Inf(-1), false}, {1e-6, false}, {100_001, false},
	} {
		cfg := config(d, new(channel))
		cfg.Rate = tt.rate
		if _, err := outbox.New(cfg); (err == nil) != tt.ok {
			t.Errorf("rate %v: %v", tt.rate, err)
		}
	}
}

// However many replicas send, they never send more than the rate, and in the end they send everything.
func TestRate(t *testing.T) {
	t.Parallel()
	const rate, messages = 100, 250
	for _, replicas := range []int{1, 3} {
		t.Run(fmt.Sprint(replicas, " replicas"), func(t *testing.T) {
			d, ch := newDB(t), new(channel)
			began := one[time.Time](d, `SELECT clock_timestamp()`)
			for range replicas {
				cfg := config(d, ch)
				cfg.Rate = rate
				run(t, cfg)
			}
			d.exec(`INSERT INTO subMsgList (openid, templateId)
				SELECT 'o' || n, 't' FROM generate_series(1, $1::int) AS n`, messages)
			eventually(t, "all are sent", func() bool {
				sent := ch.count() // before the clock is read
				took := one[float64](d, `SELECT extract(epoch FROM clock_timestamp() - $1)::float8`, began)
				if most := rate + rate*took + 1; float64(sent) > most {
					t.Fatalf("%d sent after %.3f s, at most %.0f may be", sent, took, most)
				}
				return d.count(`sendStatus = 'success' AND attempts = 1`) == messages
			})
			if ch.count() != messages {
				t.Errorf("%d sent, want %d", ch.count(), messages)
			}
		})
	}
}

// The bucket by itself, from any state and at any rate, grants neither more nor less than there is, and the next permit
// when it says so.
func TestBucket(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.exec(`INSERT INTO subMsgList (openid, templateId) VALUES ('o1', 't')`)
	d.exec(`INSERT INTO subMsgPace (account) VALUES ('default')`)
	cfg := config(d, new(channel))
	rapid.Check(t, func(rt *rapid.T) {
		cfg.Rate = math.Exp(rapid.Float64Range(math.Log(1./3599), math.Log(99_999)).Draw(rt, "log rate"))
		burst := max(1, cfg.Rate)
		c, err := outbox.New(cfg)
		if err != nil {
			rt.Fatal(err)
		}
		ahead := rapid.SampledFrom([]string{
			"-infinity", "infinity", "-1 h", "-0.5 s", "0", "0.1 s", "0.9 s", "1 s", "1 h", "90 d",
		}).Draw(rt, "spent until")
		if !strings.HasSuffix(ahead, "infinity") {
			ahead = one[time.Time](d, `SELECT clock_timestamp() + $1::text::interval`, ahead).Format(time.RFC3339Nano)
		}
		d.exec(`UPDATE subMsgPace SET spentUntil = $1::text::timestamptz`, ahead)
		// What is saved up in the bucket, at most: time that passes fills it.
		saved := func() float64 {
			return one[float64](d, `
SELECT extract(epoch FROM clock_timestamp()
    - least(greatest(spentUntil, clock_timestamp() - interval '1 day'), clock_timestamp() + interval '1 day'))::float8
FROM subMsgPace`)*cfg.Rate + burst
		}
		for range rapid.IntRange(1, 4).Draw(rt, "asks") {
			ask := rapid.IntRange(1, 300).Draw(rt, "ask")
			before := min(max(saved(), 0), burst)
			waiting, n, next, err := c.Permits(rt.Context(), ask)
			after := saved() // of what is left
			if err != nil || !waiting {
				rt.Fatalf("waiting %t, %v", waiting, err)
			}
			if least := int(min(float64(ask), before-0.001)); n < least {
				rt.Fatalf("%d of %d granted, there were %.3f", n, ask, before)
			}
			const rounding = 3e-6 // seconds, of times in the database
			if after < -cfg.Rate*rounding-1e-6 {
				rt.Fatalf("%d of %d granted: %.6f more than there were", n, ask, -after)
			}
			if n < ask && (next <= 0 || next.Seconds() > 1/cfg.Rate+rounding) {
				rt.Fatalf("%d of %d granted, the next in %s at a rate of %f", n, ask, next, cfg.Rate)
			}
		}
	})
}

// Permits that were of no use are used first, for a while; the table isn't asked.
func TestPermitsAreKept(t *testing.T) {
	t.Parallel()
	d := newDB(t)
	d.insert(message(1))
	cfg := config(d, new(channel))
	cfg.Rate = 100
	c, err := outbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Pacer(t.Context())
	take := func(n, want int) {
		t.Helper()
		if got, err := p.Take(t.Context(), n); got != want || err != nil {
			t.Fatalf("%d permits for %d, %v; want %d", got, n, err, want)
		}
	}
	spent := func() time.Time { return one[time.Time](d, `SELECT spentUntil FROM subMsgPace`) }
	take(50, 2) // a lone message needs no more
	p.Spend(2, 2)
	take(50, 4)
	p.Spend(4, 1)
	p.Keep(time.Hour)
	was := spent()
	take(50, 3)
	p.Spend(3, 1)
	take(1, 1)
	take(50, 2)
	if now := spent(); !now.Equal(was) {
		t.Errorf("the bucket moved from %s to %s", was, now)
	}
	p.Keep(-time.Second)
	take(50, 2)
	if now := spent(); !now.After(was) {
		t.Error("permits are kept for ever")
	}
}

// The bucket's row locked by hand holds up messages, and nothing else; the log names it.
func TestLockedPace(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	d.exec(`INSERT INTO subMsgPace (account) VALUES ('default')`)
	tx, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	if _, err := tx.Exec(t.Context(), `SELECT FROM subMsgPace FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	cfg := config(d, ch)
	cfg.Rate, cfg.Poll = 100, 20*time.Millisecond
	said := recordLog(cfg.Log.Logger)
	run(t, cfg)
	id := d.insert(message(1))[0]
	eventually(t, "the log names it", func() bool { return said("subMsgPace") })
	d.exec(`INSERT INTO subMsgList (openid, templateId, sendStatus, claimId, leaseUntil)
		VALUES ('o2', 't', 'sending', gen_random_uuid(), now())`)
	d.noteClaims()
	d.eventually(id+1, "unknown")
	if got := d.status(id); got != "wait" || ch.count() != 0 {
		t.Errorf("sent without a permit, the message is %q", got)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.eventually(id, "success")
}

// recordLog records a log, and tells whether a text stands in it.
func recordLog(log *logrus.Logger) func(text string) bool {
	h := &logRecord{}
	log.AddHook(h)
	return func(text string) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return strings.Contains(strings.Join(h.lines, "\n"), text)
	}
}

type logRecord struct {
	mu    sync.Mutex
	lines []string
}

func (*logRecord) Levels() []logrus.Level { return logrus.AllLevels }

func (h *logRecord) Fire(e *logrus.Entry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, e.Message)
	return nil
}

// Where somebody has deleted the row of the bucket, there is a new one.
func TestPaceRowDeleted(t *testing.T) {
	t.Parallel()
	d, ch := newDB(t), new(channel)
	cfg := config(d, ch)
	cfg.Rate = 100
	run(t, cfg)
	for n := range 3 {
		d.eventually(d.insert(message(n))[0], "success")
		d.exec(`DELETE FROM subMsgPace`)
	}
}
