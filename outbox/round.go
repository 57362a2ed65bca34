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
	d.health.beat(d.hold, d.accounts.most())
	d.news = false
	d.accounts.update(ctx)
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
	if d.askAccounts(ctx); !d.accounts.anyReady() || d.stopped { // outcomes, leases and expiry go on
		if _, _, err := d.turn(ctx, false); err != nil {
			return 0, err
		}
		_, err := d.look(ctx, store.LeaveFlag)
		if d.due { // messages that no account sends
			return lookAgain, err
		}
		return d.cfg.Poll, err
	}
	if _, more, err := d.turn(ctx, true); err != nil {
		return 0, err
	} else if more {
		return d.restForMore(), d.clearWakeFlag(ctx)
	}
	d.turns = turns{}
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
	if d.due || v.Paused {
		if found, more, err := d.turn(ctx, true); err != nil || more || found > 0 {
			return d.restForMore(), err
		}
		if d.due { // somebody has them locked
			rest = min(rest, lookAgain)
		}
	}
	d.asleep = d.listening() && rest == d.cfg.Poll && d.accounts.allReady() && v.IdleFor(d.cfg.sleepTime())
	if d.asleep {
		return d.cfg.sleepTime(), nil
	}
	return max(rest, turnRest), nil
}

// restForMore is how long to rest where more is due: until there is a permit, or until messages come back, or until it
// is time to look at the table or the flag.
func (d *dispatcher) restForMore() time.Duration {
	return max(min(d.claimer.untilMore(), time.Until(d.lookedAt.Add(d.cfg.Poll))), 0)
}

// look looks at the table, and lets the housekeeper end what ends by itself.
func (d *dispatcher) look(ctx context.Context, flag store.Flag) (v store.View, err error) {
	d.health.beat(d.hold, d.accounts.most())
	if flag == store.LeaveFlag && d.cfg.ListenURL == "" {
		flag = store.ClearFlag // nobody hears a NOTIFY, and it keeps applications from two-phase commit
	}
	ended := d.hold.claims.takeEnded()
	err = d.during(ctx, func(ctx context.Context) (err error) {
		v, err = d.store.Look(ctx, flag, ended, d.skipped.ids(), d.catalogues.leave)
		return err
	})
	if err != nil {
		d.hold.claims.ended = append(d.hold.claims.ended, ended...)
		return v, fmt.Errorf("look: %w", err)
	}
	d.lookedAt, d.claimer.paused = time.Now(), v.Paused
	d.claimer.clock.read(v.Clock, bootTime())
	d.catalogues.looked(&v, bootTime())
	d.claimer.crowded, d.due = v.Crowded, d.accounts.waits(v)
	if v.Expired || v.Overdue {
		select {
		case d.tidy <- d.hold.known():
		default: // it is at work
		}
	}
	return v, nil
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
	if err != nil || v.Asked || d.due || v.Paused || v.Next() < wake.YieldFor {
		return false, err
	}
	d.rhythm.Yielded(time.Now())
	return true, nil
}
