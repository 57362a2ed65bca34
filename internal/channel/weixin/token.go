package weixin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/submsg/submsg/internal/explain"
	"github.com/submsg/submsg/outbox"
)

const (
	// stable_token gives the same token until its last 5 minutes and a new one then, with both valid: asking
	// earlier than that is in vain.
	refreshAhead = 5 * time.Minute
	aheadSpacing = time.Minute // between two such attempts

	// After a failure the endpoint is asked again later and later. What passes by itself is over in minutes at most;
	// what a person has to mend may take days, and his new secret is noticed at once.
	leastRest   = 5 * time.Second
	mostAway    = time.Minute
	mostRefused = 10 * time.Minute
)

// fetched is what the token endpoint gave: a token, or the reason why not.
type fetched struct {
	value   string
	life    time.Duration
	trouble outbox.Verdict // when value is ""
}

// tokens keeps the account's access_token in memory, for all senders. At most one refresh is under way.
type tokens struct {
	fetch     func(context.Context) fetched
	now       func() time.Time
	log       *logrus.Entry
	refreshed func(ok bool) // is told of each refresh's end
	renewed   func() bool   // tells whether there is a new secret to ask with

	ctx    context.Context // of refreshes: no caller's, so that none can cancel it for the others
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	value    string         // "" when there is none
	until    time.Time      // the end of its life
	doubtful bool           // it replaced a rejected one, and no send got through with it yet
	rejected string         // the one rejected last, until the next refresh has ended
	asked    time.Time      // when the endpoint last answered, or a token was given up
	unproven bool           // one was rejected, and WeChat took none since
	failures int            // in a row: no token came, or none that WeChat took
	trouble  outbox.Verdict // why there is none; its Text is "" if nothing is known to be wrong
	refresh  chan struct{}  // closed at the end of the refresh under way; nil if none is
}

func newTokens(fetch func(context.Context) fetched, log *logrus.Entry) *tokens {
	t := &tokens{fetch: fetch, now: time.Now, log: log, refreshed: func(bool) {}, renewed: func() bool { return false }}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// get returns a token, waiting for the refresh under way if it must. Without one the verdict says why.
func (t *tokens) get(ctx context.Context) (string, outbox.Verdict) {
	for {
		value, refresh, trouble := t.look()
		if refresh == nil {
			return value, trouble
		}
		select {
		case <-refresh:
		case <-ctx.Done():
			return "", gaveUp(ctx)
		}
	}
}

// gaveUp is the verdict where the caller's context ended first.
func gaveUp(ctx context.Context) outbox.Verdict {
	if errors.Is(ctx.Err(), context.Canceled) {
		return stopping()
	}
	return trouble(explain.KindTokenLate, outbox.Later, "")
}

// look returns what there is: a token, a refresh to wait for, or trouble. It starts a refresh when one is due.
func (t *tokens) look() (value string, refresh chan struct{}, trouble outbox.Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	sinceAsked, left := now.Sub(t.asked), t.until.Sub(now)
	switch {
	case t.ctx.Err() != nil:
		return "", nil, stopping()
	case t.value != "" && left > 0:
		if left < refreshAhead && sinceAsked >= aheadSpacing {
			t.start(now)
		}
		return t.value, nil, outbox.Verdict{}
	case t.refresh == nil && t.trouble.Text != "" && sinceAsked < t.rest() && !t.renewed():
		return "", nil, t.trouble
	}
	t.start(now)
	return "", t.refresh, outbox.Verdict{}
}

// rest is how long the endpoint is left alone after a failure. The lock is held.
func (t *tokens) rest() time.Duration {
	most := mostRefused
	if t.trouble.Outcome == outbox.Later {
		most = mostAway
	}
	return min(leastRest<<min(max(t.failures-1, 0), 10), most)
}

// start begins a refresh unless one is under way. The lock is held.
func (t *tokens) start(now time.Time) {
	if t.refresh != nil {
		return
	}
	t.refresh = make(chan struct{})
	t.wg.Go(func() { t.finish(t.fetch(t.ctx), now) })
}

// finish takes in what the refresh that began at that time has brought.
func (t *tokens) finish(f fetched, began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() { close(t.refresh); t.refresh = nil }()
	t.asked = t.now()
	rejected := t.rejected
	t.rejected = "" // asked again later, stable_token may give it again, and it is tried again
	t.refreshed(f.value != "" && f.value != rejected)
	switch {
	case f.value == "":
		t.failures++
		// The token is asked for again and again; the same trouble is logged once.
		if t.trouble.Text == "" || errcode(t.trouble) != errcode(f.trouble) {
			t.log.WithField("reason", f.trouble.Text).Warn("no new access token, it is asked for until there is one")
		}
		t.trouble = f.trouble
	case f.value == rejected:
		t.failures++
		same := trouble(explain.KindTokenRefused, outbox.Halt, "stable_token gave the rejected access_token again")
		if t.trouble.Text != same.Text {
			t.trouble = same
			t.log.Warn("the access token was rejected, and stable_token gives no other: " + same.Text)
		}
	default:
		t.value, t.until, t.trouble = f.value, began.Add(f.life), outbox.Verdict{}
		t.doubtful = rejected != ""
		if !t.unproven {
			t.failures = 0
		}
		t.log.WithField("life", f.life).Debug("access token refreshed")
	}
}

// errcode is WeChat's, 0 where it did not answer.
func errcode(v outbox.Verdict) int32 {
	if v.Code == nil {
		return 0
	}
	return *v.Code
}

// reject is told that WeChat did not take a token. The first time, the next get fetches another; when that one is
// rejected as well, nothing is fetched for a while.
func (t *tokens) reject(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value != value {
		return // another send was faster
	}
	t.value, t.rejected, t.unproven = "", value, true
	if t.doubtful {
		t.trouble = trouble(explain.KindTokenRefused, outbox.Halt, "the new access_token was rejected, too")
		t.asked = t.now()
		t.failures++
	}
}

// accept is told that WeChat took a token.
func (t *tokens) accept(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.doubtful, t.unproven, t.failures = false, false, 0
	}
}

func (t *tokens) close() {
	t.mu.Lock()
	t.cancel()
	t.mu.Unlock()
	t.wg.Wait()
}
