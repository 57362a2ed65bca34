package outbox

import (
	"context"
	"time"
)

// pause rests, and goes on doing so while nothing has changed but the time.
func (r *round) pause(ctx context.Context, rest time.Duration) {
	for slept := r.asleep; ; {
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
			slept = false
		case <-r.wake:
			slept = false
			r.wakened()
		case <-timer.C:
		}
		timer.Stop()
		if slept {
			rest, slept = r.sleepsOn(ctx)
		}
		if !slept {
			r.asleep = false
			return
		}
	}
}

// sleepsOn looks whether all is as it was when the pump went to sleep.
func (r *round) sleepsOn(ctx context.Context) (rest time.Duration, ok bool) {
	v, err := r.lookAround(ctx, false)
	rest = min(r.cfg.Poll, v.next)
	if err == nil && v.asked && !v.due && r.nothingBefore(v) {
		return r.sleepFor(), true
	}
	return rest, false
}

// nothingBefore tells whether nothing falls due while we sleep. A pause's probe that is due already is in no view.
func (r *round) nothingBefore(v view) bool { return v.next > r.sleepFor() && !v.paused }

// sleepFor is a little more than a poll: wakes are proved to arrive, and an idle database should be left alone.
func (r *round) sleepFor() time.Duration { return r.cfg.Poll + r.cfg.Poll/4 }

const (
	lingerEvery = 4 * time.Millisecond
	lingerFor   = 50 * time.Millisecond
	lingerAfter = 3
)

// lingers tells whether messages come so often that looking for them all the time costs less than the NOTIFY that each
// application's commit would pay for.
func (r *round) lingers() bool {
	return r.listening.Load() && r.streak >= lingerAfter && time.Since(r.found) < lingerFor
}

// note keeps count of claims that found n messages.
func (r *round) note(n int) {
	if n == 0 {
		return
	}
	r.useless = 0
	r.streak++
	if time.Since(r.found) >= lingerFor {
		r.streak = 0
	}
	r.found = time.Now()
}

// stayAwake spares applications the NOTIFY while this consumer looks for messages anyhow. Who slept on that flag is
// woken, and asks again when there is nothing to do.
func (r *round) stayAwake(ctx context.Context) error {
	if !r.listening.Load() || time.Since(r.cleared) < 2*lingerFor {
		return nil
	}
	r.cleared = time.Now()
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	tag, err := r.cfg.Pool.Exec(ctx, clearWakeSQL)
	if tag.RowsAffected() > 0 {
		r.asked = false
	}
	return err
}

// untilWriters tells when to look again for what open transactions may commit without a wake: at first at
// once, then after a tenth of the time that they have been open.
func (r *round) untilWriters(open []string) time.Duration {
	now := time.Now()
	known := r.writers
	r.writers = make(map[string]time.Time, len(open))
	rest := r.cfg.Poll
	for _, id := range open {
		since, ok := known[id]
		if !ok {
			since = now
		}
		r.writers[id] = since
		rest = min(rest, max(now.Sub(since)/10, 5*time.Millisecond))
	}
	return rest
}

const (
	dozeFor   = time.Second
	dozeAfter = 3
	dozeMost  = 5
)

// wakened counts wakes that come soon after one another, though we sleep; note begins anew.
func (r *round) wakened() {
	if !r.asked {
		return
	}
	if time.Since(r.woken) > dozeFor {
		r.useless = 0
	}
	r.woken = time.Now()
	r.useless++
}

// dozes tells whether another replica does all that there is to do, and wakes us again and again by clearing the flag that
// we set. It asks for wakes itself when it goes to sleep, so we needn't; if it dies we see to its work after a doze.
func (r *round) dozes(ctx context.Context) (bool, error) {
	if r.useless >= dozeAfter+dozeMost {
		r.useless = 0
	}
	if !r.listening.Load() || !r.asked || r.useless < dozeAfter {
		return false, nil
	}
	v, err := r.lookAround(ctx, false)
	if err != nil || v.asked || v.due || v.paused || v.next < dozeFor {
		return false, err
	}
	r.woken = time.Now() // so that the next wake counts on
	r.useless++
	return true, nil
}
