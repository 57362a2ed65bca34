package outbox

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/submsg/submsg/internal/failpoint"
)

// pump claims and starts sends until ctx is done. It is the only claimer of its consumer.
//
// Its life is rounds: claim until nothing is due, look what else there is, rest until something may
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
	stopped  string               // why the sender isn't ready
	failures int                  // rounds in a row that the database failed
	why      string               // the SQLSTATE of the last of them that was logged
	most     int                  // rows to claim at once at most, since the database refused more
}

// next does one round and tells how long to rest.
func (r *round) next(ctx context.Context) (rest time.Duration, err error) {
	if err := r.release(ctx); err != nil {
		return 0, err
	}
	if !r.senderReady(ctx) { // leases and expiry go on
		_, err := r.lookAround(ctx, false)
		return r.cfg.Poll, err
	}
	if drained, err := r.claimAll(ctx); err != nil || !drained {
		return 0, err
	}
	if r.lingers() {
		return lingerEvery, r.stayAwake(ctx)
	}
	if dozes, err := r.dozes(ctx); err != nil || dozes {
		return dozeFor, err
	}
	v, err := r.lookAround(ctx, r.listening.Load())
	if err != nil {
		return 0, err
	}
	rest = min(r.cfg.Poll, v.next, r.untilWriters(v.writers))
	// What was committed between the last claim and the look, by somebody who read the flag as cleared.
	if v.due || v.paused {
		if full, n, err := r.claimFree(ctx); err != nil || full || n > 0 {
			return 0, err
		}
		if v.due { // somebody has them locked
			rest = min(rest, 200*time.Millisecond)
		}
	}
	r.asleep = r.listening.Load() && rest == r.cfg.Poll
	return max(rest, time.Millisecond), nil
}

// claimAll claims, using each sender as it comes free, until nothing more is due.
func (r *round) claimAll(ctx context.Context) (drained bool, err error) {
	for ctx.Err() == nil {
		if time.Since(r.looked) >= r.cfg.Poll { // leases, expiry and pauses don't wait until we are idle
			if _, err := r.lookAround(ctx, false); err != nil {
				return false, err
			}
		}
		full, _, err := r.claimFree(ctx)
		if err != nil || !full {
			return err == nil, err
		}
		if err := r.stayAwake(ctx); err != nil {
			return false, err
		}
	}
	return false, nil
}

// claimFree waits for a free sender and claims for all that are free. full: there may be more due.
func (r *round) claimFree(ctx context.Context) (full bool, n int, err error) {
	select {
	case <-ctx.Done():
		return false, 0, ctx.Err()
	case <-time.After(min(time.Until(r.looked.Add(r.cfg.Poll)), 2*lingerFor)): // all are busy, and the settler claims
		return true, 0, nil
	case <-r.free:
	}
	free := 1 + len(r.free) // nobody else takes any
	for range free - 1 {
		<-r.free
	}
	defer func() {
		for range free - n {
			r.free <- struct{}{}
		}
	}()
	got, full, err := r.claimMost(ctx, min(free, r.most))
	if err != nil {
		return false, 0, err
	}
	n = len(got)
	r.note(n)
	r.hungry.Store(full && r.most == r.cfg.Senders && !r.paused)
	r.start(got)
	if r.paused && n < free {
		got, again, err := r.claimProbe(ctx)
		if err != nil {
			return false, n, err
		}
		full = full || again
		r.start(got)
		n += len(got)
	}
	return full, n, nil
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

// claimMost claims up to n messages. When the database refuses that, it is half as many the next time, down to the one message
// that can't be written, and then more again.
func (r *round) claimMost(ctx context.Context, n int) (got []claimed, full bool, err error) {
	got, err = r.claimSafely(ctx, func(ctx context.Context, id string) ([]claimed, error) { return r.claim(ctx, id, n) })
	switch {
	case err == nil:
		r.most = min(2*r.most, r.cfg.Senders)
		return got, len(got) == n, nil
	case !refusal(err):
		return nil, false, err
	case n > 1:
		r.most = n / 2
		return nil, true, nil
	}
	return nil, true, r.shunNext(ctx, err, dueSQL+` SELECT id FROM due`, n, front.dueAt, front.id, r.lines.queued())
}

// claimProbe claims what tests a pause. again: what it would have taken is left alone from now on.
func (r *round) claimProbe(ctx context.Context) (got []claimed, again bool, err error) {
	got, err = r.claimSafely(ctx, r.probe)
	if again = refusal(err); again {
		err = r.shunNext(ctx, err, probeDueSQL+` SELECT id FROM due`, 1, front.dueAt, front.id, r.lines.queued())
	}
	return got, again, err
}

// claimSafely finishes a claim even while shutting down, and remembers one whose answer was lost: its rows may be
// "sending" with nobody to send them.
func (r *round) claimSafely(ctx context.Context, claim func(context.Context, string) ([]claimed, error)) ([]claimed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	id := uuid.NewString()
	got, err := claim(ctx, id)
	if err != nil {
		if !refusal(err) { // which is an answer
			r.claims.lose(id)
		}
		return nil, fmt.Errorf("claim: %w", err)
	}
	return got, nil
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
