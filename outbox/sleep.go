package outbox

import (
	"context"
	"time"
)

// waitForWake rests, until a wake comes or the time is over. A consumer that sleeps goes on resting while nothing but
// the time has changed.
func (c *claimer) waitForWake(ctx context.Context, rest time.Duration) {
	for asleep := c.asleep; ; {
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			asleep = false
		case <-c.wake:
			asleep = false
			if c.asked {
				c.useless.count()
			}
		case <-timer.C:
		}
		timer.Stop()
		if asleep {
			rest, asleep = c.stillIdle(ctx)
		}
		if !asleep {
			c.asleep = false
			return
		}
	}
}

// stillIdle looks whether all is as it was when the claimer went to sleep, and tells how long to rest.
func (c *claimer) stillIdle(ctx context.Context) (rest time.Duration, ok bool) {
	v, err := c.lookAndTidy(ctx, false)
	rest = min(c.cfg.Poll, v.next())
	if err == nil && v.Asked && !v.Due && v.idleFor(c.cfg.sleepTime()) {
		return c.cfg.sleepTime(), true
	}
	return rest, false
}

// clearWakeFlag spares applications the NOTIFY while this consumer looks for messages anyhow. Other consumers that
// sleep on the flag are woken by that, and set it again when there is nothing to do.
func (c *claimer) clearWakeFlag(ctx context.Context) error {
	if !c.listening.Load() || time.Since(c.flagCleared) < 2*busyPollFor {
		return nil
	}
	c.flagCleared = time.Now()
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	tag, err := c.cfg.Pool.Exec(ctx, clearWakeSQL)
	if tag.RowsAffected() > 0 {
		c.asked = false
	}
	return err
}

// yields tells whether another replica does all that there is to do, and wakes us again and again by clearing the
// flag that we set. That replica asks for wakes itself when it goes to sleep, so we needn't; if it dies, we do its
// work after yieldFor.
func (c *claimer) yields(ctx context.Context) (bool, error) {
	if c.useless.wakes >= yieldAfter+mostYields {
		c.useless.wakes = 0
	}
	if !c.listening.Load() || !c.asked || c.useless.wakes < yieldAfter {
		return false, nil
	}
	v, err := c.lookAndTidy(ctx, false)
	if err != nil || v.Asked || v.Due || v.Paused || v.next() < yieldFor {
		return false, err
	}
	c.useless.last = time.Now() // so that the next wake counts as soon after this one
	c.useless.wakes++
	return true, nil
}

// countClaimed counts a claim that found n messages.
func (c *claimer) countClaimed(n int) {
	if n > 0 {
		c.useless.wakes = 0
		c.recent.count()
	}
}

// recentClaims tells whether messages come so often that looking for them all the time (busy polling) costs less than
// the NOTIFY that each application's commit would pay for.
type recentClaims struct {
	last   time.Time // when a claim last found messages
	streak int       // claims that found some, each soon after the one before
}

func (r *recentClaims) count() {
	r.streak++
	if time.Since(r.last) >= busyPollFor {
		r.streak = 0
	}
	r.last = time.Now()
}

func (r *recentClaims) often() bool {
	return r.streak >= busyPollAfter && time.Since(r.last) < busyPollFor
}

// uselessWakes counts wakes that led to no message, each soon after the one before.
type uselessWakes struct {
	last  time.Time
	wakes int
}

func (u *uselessWakes) count() {
	if time.Since(u.last) > yieldFor {
		u.wakes = 0
	}
	u.last = time.Now()
	u.wakes++
}

// openWriters are the transactions that write to the table, and since when they are known. They may commit without a
// wake.
type openWriters map[string]time.Time

// nextLook takes in which transactions are open now, and tells when to look for what they may have committed: at
// first almost at once, then after a tenth of the time that they have been open.
func (w *openWriters) nextLook(open []string, poll time.Duration) time.Duration {
	now := time.Now()
	known := *w
	*w = make(openWriters, len(open))
	rest := poll
	for _, id := range open {
		since, ok := known[id]
		if !ok {
			since = now
		}
		(*w)[id] = since
		rest = min(rest, max(now.Sub(since)/writerShare, writerRest))
	}
	return rest
}

// sleep tells whether the time has passed before ctx was done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
