package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// claimer claims messages for the senders that are free. A consumer has one, in a goroutine of its own; besides it,
// only the settler claims, in exchanges.
//
// It works in rounds: it claims, and when nothing more is due it looks what else there is, and rests until something
// may have changed. An error ends a round; the next one follows after a short rest.
type claimer struct {
	*Consumer
	lookedAt    time.Time // when the table was last looked at
	flagCleared time.Time // when the wake flag was last cleared, or found cleared
	recent      recentClaims
	useless     uselessWakes
	paused      bool        // there are pauses to probe
	writers     openWriters // of the last look
	asleep      bool        // the triggers notify, and nothing else is to be done before the next poll
	asked       bool        // we set the wake flag, and haven't cleared it since
	notReady    string      // why the Sender isn't ready, as it was logged; "" while it is
	failures    int         // rounds in a row that ended with an error of the database
	loggedState string      // the SQLSTATE of the last of them that was logged
	most        int         // how many rows to claim at once at most: fewer after the database refused some
	pace        pacer
}

func newClaimer(c *Consumer) *claimer {
	return &claimer{Consumer: c, most: c.cfg.Senders, pace: pacer{Consumer: c}}
}

// run claims until ctx is done.
func (c *claimer) run(ctx context.Context) {
	for ctx.Err() == nil {
		rest, err := c.round(ctx)
		if ctx.Err() == nil {
			rest = max(rest, c.afterRound(err))
		}
		c.waitForWake(ctx, rest)
	}
	c.hasBacklog.Store(false)
	_ = c.releaseLost(context.WithoutCancel(ctx)) // what can't be released becomes unknown
}

// round does one round and tells how long to rest.
func (c *claimer) round(ctx context.Context) (rest time.Duration, err error) {
	c.heartbeat.beat()
	if err := c.releaseLost(ctx); err != nil {
		return 0, err
	}
	if err := c.checkOrigin(ctx); err != nil {
		return 0, err
	}
	if !c.senderReady(ctx) { // leases and expiry go on
		_, err := c.lookAndTidy(ctx, false)
		return c.cfg.Poll, err
	}
	if full, err := c.claimDue(ctx); err != nil || full {
		return c.restForPermit(), err
	}
	if c.listening.Load() && c.recent.often() {
		return busyPollEvery, c.clearWakeFlag(ctx)
	}
	if yields, err := c.yields(ctx); err != nil || yields {
		return yieldFor, err
	}
	return c.goToSleep(ctx)
}

// goToSleep asks the triggers for wakes, claims what was committed meanwhile by somebody who did not see that, and
// tells how long to rest.
func (c *claimer) goToSleep(ctx context.Context) (rest time.Duration, err error) {
	ask := c.listening.Load()
	v, err := c.lookAndTidy(ctx, ask)
	if err != nil {
		return 0, err
	}
	c.asked = ask
	rest = min(c.cfg.Poll, v.next(), c.writers.nextLook(v.Writers, c.cfg.Poll))
	if v.Due || v.Paused {
		if full, n, err := c.claimForFreeSenders(ctx); err != nil || full || n > 0 {
			return c.restForPermit(), err
		}
		if v.Due { // somebody has them locked
			rest = min(rest, lookAgain)
		}
	}
	c.asleep = c.listening.Load() && rest == c.cfg.Poll && v.idleFor(c.cfg.sleepTime())
	if c.asleep {
		return c.cfg.sleepTime(), nil
	}
	return max(rest, leastRest), nil
}

// claimDue claims for the senders that are free. full: there may be more due.
func (c *claimer) claimDue(ctx context.Context) (full bool, err error) {
	if time.Since(c.lookedAt) >= c.cfg.Poll { // leases, expiry and pauses don't wait until there is nothing to claim
		if _, err := c.lookAndTidy(ctx, false); err != nil {
			return false, err
		}
	}
	if full, _, err = c.claimForFreeSenders(ctx); err != nil || !full {
		return false, err
	}
	return true, c.clearWakeFlag(ctx)
}

// restForPermit is how long to rest until there is a permit, or until it is time to look at the table.
func (c *claimer) restForPermit() time.Duration {
	return max(min(c.pace.untilPermit(), time.Until(c.lookedAt.Add(c.cfg.Poll))), 0)
}

// lookAndTidy looks at the table, and does what needs no sender: it expires and sweeps.
func (c *claimer) lookAndTidy(ctx context.Context, ask bool) (view, error) {
	c.heartbeat.beat()
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	v, err := c.look(ctx, ask)
	if err != nil {
		return v, fmt.Errorf("look: %w", err)
	}
	c.lookedAt, c.paused = time.Now(), v.Paused
	if v.Expired || v.Overdue { // there may be more of them, and what is swept may have to be sent again
		v.NextSeconds = min(v.NextSeconds, lookAgain.Seconds())
	}
	sweeper := sweeper{c.Consumer}
	if v.Expired {
		if err := sweeper.expire(ctx); err != nil {
			return v, fmt.Errorf("expire: %w", err)
		}
	}
	if v.Overdue {
		if err := sweeper.sweep(ctx); err != nil {
			return v, fmt.Errorf("sweep: %w", err)
		}
	}
	return v, nil
}

// senderReady asks the Sender for what every send needs, and logs when the answer changes.
func (c *claimer) senderReady(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.SendTimeout)
	defer cancel()
	v := c.cfg.Sender.Ready(ctx)
	if v.Outcome == Accepted {
		if c.notReady != "" {
			c.cfg.Log.Info("sending again")
		}
		c.notReady = ""
		return true
	}
	why := v.Text
	if v.Code != nil { // its text may hold a number of the request, which is another one each time
		why = fmt.Sprint("errcode ", *v.Code)
	}
	if why != c.notReady && !errors.Is(context.Cause(ctx), context.Canceled) {
		c.cfg.Log.Errorf("nothing can be sent, messages wait: %s", v.Text)
		c.notReady = why
	}
	return false
}

// afterRound logs how a round ended with the database, and tells how long to leave the database alone.
func (c *claimer) afterRound(err error) time.Duration {
	if err == nil {
		if c.failures > 0 {
			c.cfg.Log.Info("the database is back")
		}
		c.failures = 0
		return 0
	}
	if code := sqlState(err); c.failures%100 == 0 || code != c.loggedState {
		c.cfg.Log.Errorf("database trouble, messages wait: %v", err)
		c.loggedState = code
	}
	c.failures++
	c.originChecked.Store(false) // what comes back may be another database
	return databaseRest(leastClaimRest, c.failures)
}
