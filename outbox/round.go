package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
	"github.com/submsg/submsg/outbox/internal/wake"
)

// round does one round: it claims, and when nothing more is due it looks what else there is. It tells how long to rest
// until something may have changed. An error ends a round; the next one follows after a short rest.
func (d *dispatcher) round(ctx context.Context) (rest time.Duration, err error) {
	d.health.beat(d.hold)
	d.news = false
	d.claimer.woken, d.woken = d.woken, time.Time{}
	if d.broken() {
		d.origin = false
	}
	if err := d.releaseLost(ctx); err != nil {
		return 0, err
	}
	if err := d.checkOrigin(ctx); err != nil {
		return 0, err
	}
	// Leases, expiry and pauses wait for no backlog.
	if d.claimer.clock.answer.IsZero() || time.Since(d.lookedAt) >= d.cfg.Poll {
		if _, err := d.look(ctx, store.LeaveFlag); err != nil {
			return 0, err
		}
	}
	if !d.senderReady(ctx) { // outcomes, leases and expiry go on
		d.backlog = false
		if _, _, err := d.turn(ctx, false); err != nil {
			return 0, err
		}
		_, err := d.look(ctx, store.LeaveFlag)
		return d.cfg.Poll, err
	}
	if _, more, err := d.turn(ctx, true); err != nil {
		return 0, err
	} else if more {
		return d.restForMore(), d.clearWakeFlag(ctx)
	}
	d.ahead.rested()
	if d.listening() && d.rhythm.Often(time.Now()) {
		return wake.BusyPollEvery, d.clearWakeFlag(ctx)
	}
	if yields, err := d.yields(ctx); err != nil || yields {
		return wake.YieldFor, err
	}
	return d.goToSleep(ctx)
}

// goToSleep asks the triggers for wakes, claims what was committed meanwhile by somebody who did not see that, and
// tells how long to rest.
func (d *dispatcher) goToSleep(ctx context.Context) (rest time.Duration, err error) {
	flag := store.LeaveFlag
	if d.listening() {
		flag = store.AskForWakes
	}
	v, err := d.look(ctx, flag)
	if err != nil {
		return 0, err
	}
	d.asked = flag == store.AskForWakes
	rest = min(d.cfg.Poll, v.Next(), d.writers.NextLook(v.Writers, d.cfg.Poll, time.Now()))
	if len(v.Due) > 0 || v.Paused {
		if found, more, err := d.turn(ctx, true); err != nil || more || found > 0 {
			return d.restForMore(), err
		}
		if len(v.Due) > 0 { // somebody has them locked
			rest = min(rest, lookAgain)
		}
	}
	d.asleep = d.listening() && rest == d.cfg.Poll && v.IdleFor(d.cfg.sleepTime())
	if d.asleep {
		return d.cfg.sleepTime(), nil
	}
	return max(rest, turnRest), nil
}

// restForMore is how long to rest where more is due: until there is a permit, or until messages come back, or until it
// is time to look at the table or the flag.
func (d *dispatcher) restForMore() time.Duration {
	rest := d.claimer.pace.untilPermit()
	if rest == 0 && d.claimer.room() <= 0 {
		rest = 2 * wake.BusyPollFor
	}
	return max(min(rest, time.Until(d.lookedAt.Add(d.cfg.Poll))), 0)
}

// look looks at the table, and lets the housekeeper end what ends by itself.
func (d *dispatcher) look(ctx context.Context, flag store.Flag) (v store.View, err error) {
	d.health.beat(d.hold)
	if flag == store.LeaveFlag && d.cfg.ListenURL == "" {
		flag = store.ClearFlag // nobody hears a NOTIFY, and it keeps applications from two-phase commit
	}
	ended := d.hold.claims.takeEnded()
	err = d.during(ctx, func(ctx context.Context) (err error) {
		v, err = d.store.Look(ctx, flag, ended, d.skipped.ids())
		return err
	})
	if err != nil {
		d.hold.claims.ended = append(d.hold.claims.ended, ended...)
		return v, fmt.Errorf("look: %w", err)
	}
	d.lookedAt, d.claimer.paused = time.Now(), v.Paused
	d.claimer.clock.read(v.Clock, bootTime())
	d.claimer.seeker.waits(v.Due)
	if v.Expired || v.Overdue {
		select {
		case d.tidy <- d.hold.known():
		default: // it is at work
		}
	}
	return v, nil
}

// senderReady asks the Sender for what every send needs, and which templates it takes. Where the answer takes its time,
// it is awaited beside the rest.
func (d *dispatcher) senderReady(ctx context.Context) bool {
	if d.stopped {
		return false
	}
	d.ready.ask(ctx, d.cfg.SendTimeout)
	timer := time.NewTimer(readyWait)
	defer timer.Stop()
	for {
		select {
		case v := <-d.ready.answers:
			return d.readyAnswered(ctx, v)
		case j := <-d.senders.verdicts:
			d.takeBack(j)
		case <-d.stop:
			d.beginNothing()
			return false
		case <-timer.C:
			return false
		}
	}
}

// readyAnswered takes in an answer of the Sender. One that isn't ready gets nothing of what was claimed for it.
func (d *dispatcher) readyAnswered(ctx context.Context, v Verdict) (ready bool) {
	if ready = d.ready.answered(ctx, v); ready {
		d.claimer.seeker.named = v.Templates
	} else {
		d.hold.withdraw(func(message) bool { return true })
	}
	return ready
}

// clearWakeFlag spares applications the NOTIFY while this consumer looks for messages anyhow. Other consumers that
// sleep on the flag are woken by that, and set it again when there is nothing to do.
func (d *dispatcher) clearWakeFlag(ctx context.Context) error {
	if !d.listening() || time.Since(d.flagCleared) < 2*wake.BusyPollFor {
		return nil
	}
	d.flagCleared = time.Now()
	return d.during(ctx, func(ctx context.Context) error {
		cleared, err := d.store.ClearFlag(ctx)
		if cleared {
			d.asked = false
		}
		return err
	})
}

// yields tells whether another replica does all that there is to do, and wakes us again and again by clearing the
// flag that we set. That replica asks for wakes itself when it goes to sleep, so we needn't; if it dies, we do its
// work after a second.
func (d *dispatcher) yields(ctx context.Context) (bool, error) {
	if !d.listening() || !d.asked || !d.rhythm.InVain() {
		return false, nil
	}
	v, err := d.look(ctx, store.LeaveFlag)
	if err != nil || v.Asked || len(v.Due) > 0 || v.Paused || v.Next() < wake.YieldFor {
		return false, err
	}
	d.rhythm.Yielded(time.Now())
	return true, nil
}
