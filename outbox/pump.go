package outbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/submsg/submsg/internal/failpoint"
)

// pump claims and starts sends until ctx is done. It is the only claimer of its consumer.
//
// Its life is rounds: claim, and when nothing more is due, look what else there is and rest until something may
// have changed. An error ends a round; the next one follows after a short wait.
func (c *Consumer) pump(ctx context.Context) {
	r := round{Consumer: c, writers: make(map[string]time.Time), most: c.cfg.Senders}
	for ctx.Err() == nil {
		rest, err := r.next(ctx)
		if ctx.Err() == nil {
			rest = max(rest, r.trouble(err))
		}
		r.pause(ctx, rest)
	}
	r.hungry.Store(false)
	r.release(context.WithoutCancel(ctx))
}

// round is what the pump remembers from round to round.
type round struct {
	*Consumer
	looked   time.Time            // when the table was last looked at
	cleared  time.Time            // when the wake flag was last seen to
	found    time.Time            // when a claim last found messages
	streak   int                  // claims that found some, each soon after the one before
	paused   bool                 // there are pauses to probe
	writers  map[string]time.Time // open transactions that write to the table, and since when they are known
	asleep   bool                 // the triggers notify and nothing else is to be done before the next poll
	woken    time.Time            // when a wake came last
	useless  int                  // wakes in a row that led to nothing, each soon after the one before
	asked    bool                 // we set the flag, and haven't cleared it since
	stopped  string               // why the sender isn't ready
	failures int                  // rounds in a row that the database failed
	why      string               // the SQLSTATE of the last of them that was logged
	most     int                  // rows to claim at once at most, since the database refused more
	pace     permits
}

// next does one round and tells how long to rest.
func (r *round) next(ctx context.Context) (rest time.Duration, err error) {
	r.pulse.beat()
	if err := r.release(ctx); err != nil {
		return 0, err
	}
	if err := r.arrive(ctx); err != nil {
		return 0, err
	}
	if !r.senderReady(ctx) { // leases and expiry go on
		_, err := r.lookAround(ctx, false)
		return r.cfg.Poll, err
	}
	if full, err := r.claimOnce(ctx); err != nil || full {
		return r.paceRest(), err
	}
	if r.lingers() {
		return lingerEvery, r.stayAwake(ctx)
	}
	if dozes, err := r.dozes(ctx); err != nil || dozes {
		return dozeFor, err
	}
	ask := r.listening.Load()
	v, err := r.lookAround(ctx, ask)
	if err != nil {
		return 0, err
	}
	r.asked = ask
	rest = min(r.cfg.Poll, v.next, r.untilWriters(v.writers))
	// What was committed between the last claim and the look, by somebody who read the flag as cleared.
	if v.due || v.paused {
		if full, n, err := r.claimFree(ctx); err != nil || full || n > 0 {
			return r.paceRest(), err
		}
		if v.due { // somebody has them locked
			rest = min(rest, 200*time.Millisecond)
		}
	}
	if r.asleep = r.listening.Load() && rest == r.cfg.Poll && r.nothingBefore(v); r.asleep {
		return r.sleepFor(), nil
	}
	return max(rest, time.Millisecond), nil
}

// claimOnce claims for the senders that are free. full: there may be more due.
func (r *round) claimOnce(ctx context.Context) (full bool, err error) {
	if time.Since(r.looked) >= r.cfg.Poll { // leases, expiry and pauses don't wait until we are idle
		if _, err := r.lookAround(ctx, false); err != nil {
			return false, err
		}
	}
	if full, _, err = r.claimFree(ctx); err != nil || !full {
		return false, err
	}
	return true, r.stayAwake(ctx)
}

// start sends what was claimed, each person's messages one after the other.
func (c *Consumer) start(got []claimed) {
	if len(got) == 0 {
		return
	}
	failpoint.Hit("claimed")
	slices.SortFunc(got, func(a, b claimed) int {
		if a.place.before(b.place) {
			return -1
		}
		return 1
	})
	extra := make(map[string]int)
	for _, m := range got {
		goes, full := c.lines.enter(m, max(1, c.cfg.Senders/16)) // a few: they keep senders from others
		switch {
		case goes:
			c.onItsWay <- m
		case full:
			extra[m.OpenID]++
			c.verdicts <- judged{m, tooMany(extra[m.OpenID])}
		}
	}
}

// sendAll is a sender: it sends messages, and those that their person's line holds behind them. It lives as long as the
// consumer because a send needs a deep stack, which a goroutine for each would have to grow anew.
func (c *Consumer) sendAll(ctx context.Context) {
	for m := range c.onItsWay {
		for ok := true; ok; {
			j := judged{m, c.send(ctx, m)}
			m, ok = c.lines.leave(m.OpenID)
			c.verdicts <- j
		}
	}
}

// send lets the Sender send m, whatever happens to ctx: what has begun is finished.
func (c *Consumer) send(ctx context.Context, m claimed) (v Verdict) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), m.deadline)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Log.WithField("id", m.ID).Errorf("the sender panicked: %v\n%s", p, debug.Stack())
			v = Verdict{Outcome: Unknown, Text: "submsg 内部错误，是否已发送未知 (internal error in mid-send, see the log)"}
		}
	}()
	if m.broken {
		return Verdict{Outcome: Refused, Text: "parameterArr 不是普通的文本列表：请改正后重发 (it is nested, or holds a NULL)"}
	}
	if time.Until(m.deadline) < c.cfg.SendTimeout/2 {
		return Verdict{Outcome: Halt, Text: "轮到时已太晚，未发送，稍后重试 (not sent: its turn came too late)"}
	}
	failpoint.Reach("sending", m.OpenID)
	return c.cfg.Sender.Send(ctx, m.Claimed)
}

// lookAround looks at the table and tidies what needs no sender.
func (r *round) lookAround(ctx context.Context, ask bool) (view, error) {
	r.pulse.beat()
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	v, err := r.look(ctx, ask)
	if err != nil {
		return v, fmt.Errorf("look: %w", err)
	}
	r.looked, r.paused = time.Now(), v.paused
	if v.expired || v.overdue { // there may be more, and what is swept may have to be tried again
		v.next = min(v.next, 200*time.Millisecond)
	}
	if v.expired {
		if err := r.expire(ctx); err != nil {
			return v, fmt.Errorf("expire: %w", err)
		}
	}
	if v.overdue {
		if err := r.sweep(ctx); err != nil {
			return v, fmt.Errorf("sweep: %w", err)
		}
	}
	return v, nil
}
