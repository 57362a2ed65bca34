package outbox

import (
	"context"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
)

// waitForWake rests, until a wake comes or the time is over. Meanwhile it settles what comes back. A dispatcher that
// sleeps goes on resting while nothing but the time has changed.
func (d *dispatcher) waitForWake(ctx context.Context, rest time.Duration) {
	for until := time.Now().Add(rest); !d.stopped; {
		switch d.waitFor(ctx, min(time.Until(until), d.untilTurn())) {
		case somethingNew:
			d.asleep = false
			return
		case somethingBack:
			if d.accounts.backlog() && d.failures.n == 0 {
				d.asleep = false
				return // the next turn settles it
			}
			_, _, err := d.turn(ctx, false)
			if rest := d.tell(err); err != nil {
				d.asleep, until = false, time.Now().Add(rest)
			}
			continue
		case nothing:
			if time.Now().Before(until) {
				continue
			}
		}
		if d.asleep {
			rest, d.asleep = d.stillIdle(ctx)
			until = time.Now().Add(rest)
		}
		if !d.asleep {
			return
		}
	}
	d.asleep = false
}

// event is what ends a wait.
type event int

const (
	nothing       event = iota // but the time has passed
	somethingNew               // a wake, or an answer of the Sender
	somethingBack              // messages have come back, enough of them for a turn
)

// waitFor waits until something happens, or the time is over.
func (d *dispatcher) waitFor(ctx context.Context, rest time.Duration) event {
	if d.readyForTurn() {
		return somethingBack
	}
	if d.news && !d.somethingToWrite() {
		return somethingNew
	}
	timer := time.NewTimer(rest)
	defer timer.Stop()
	for {
		select {
		case j := <-d.senders.verdicts:
			d.takeBack(j)
			if d.readyForTurn() {
				return somethingBack
			}
		case heard := <-d.wakes:
			d.heard(heard)
			return somethingNew
		case v := <-d.answers:
			d.readyAnswered(ctx, v)
			return somethingNew
		case <-d.stop:
			d.beginNothing()
			return somethingNew
		case <-timer.C:
			if d.readyForTurn() {
				return somethingBack
			}
			return nothing
		}
	}
}

// heard notes a wake, or something else that makes a look worth while.
func (d *dispatcher) heard(at time.Time) {
	if at.IsZero() {
		return
	}
	if d.woken.IsZero() {
		d.woken = at
	}
	if d.asked {
		d.rhythm.Woken(time.Now())
	}
}

// stillIdle looks whether all is as it was when the dispatcher went to sleep, and tells how long to rest.
func (d *dispatcher) stillIdle(ctx context.Context) (rest time.Duration, ok bool) {
	v, err := d.look(ctx, store.LeaveFlag)
	rest = min(d.cfg.Poll, v.Next())
	if err == nil && v.Asked && !d.due && v.IdleFor(d.cfg.sleepTime()) {
		return d.cfg.sleepTime(), true
	}
	return rest, false
}
