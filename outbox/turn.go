package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/submsg/submsg/internal/failpoint"
	"github.com/submsg/submsg/outbox/internal/store"
)

// turn writes what has come back and, with claim, claims what is missing, in one transaction. more: there may be more
// to claim.
func (d *dispatcher) turn(ctx context.Context, claim bool) (found int, more bool, err error) {
	outcomes, back := d.hold.take()
	pauses, probed := d.pauses, d.probed
	d.pauses, d.probed = nil, nil
	fail := func(what string, err error) (int, bool, error) {
		d.hold.putBack(outcomes, back)
		d.probed = slices.Concat(probed, d.probed)
		return 0, false, fmt.Errorf("%s: %w", what, err)
	}
	d.claimer.paused = d.claimer.paused || len(pauses) > 0
	if err := d.settler.writePauses(ctx, pauses, outcomes); err != nil {
		d.pauses = slices.Concat(pauses, d.pauses)
		return fail("pause", err)
	}
	if err := d.settler.askElsewhere(ctx, outcomes, claim); err != nil {
		return fail("ask who is sent to elsewhere", err)
	}
	outcomes, left, err := d.settler.leaveToOthers(ctx, outcomes)
	if err != nil {
		return fail("ask who knows a template", err)
	}
	back = append(back, left...)
	var w want
	if claim && !d.stopped && d.settler.unstorable() == "" {
		if w, err = d.claimer.want(ctx); err != nil {
			return fail("claim", err)
		}
	}
	r := store.Request{Settle: outcomes, Back: back, Newest: w.newest, Oldest: w.oldest}
	if len(outcomes) > 0 {
		failpoint.Hit("unsettled")
	}
	began := bootTime()
	var a store.Answer
	if len(r.Settle)+len(r.Back) > 0 || r.Oldest != nil || r.Newest != nil {
		r.Ended = d.hold.claims.takeEnded()
		err = d.during(ctx, func(ctx context.Context) (err error) { a, err = d.store.Exchange(ctx, r); return err })
	}
	switch {
	case err == nil:
		d.settler.stored(r, a)
		found, more = d.take(&w, a)
		d.turned(began, bootTime()-began)
	case store.IsRefusal(err) || store.SQLState(err) == store.LockNotAvailable:
		found, more, err = d.turnInParts(ctx, r, &w, err)
	default:
		d.hold.claims.ended = append(d.hold.claims.ended, r.Ended...)
		d.claimer.lose(&w)
		return fail(r.What(), err)
	}
	if len(outcomes) > 0 {
		failpoint.Hit("settled")
	}
	d.settler.noteProbes(ctx, probed)
	if err == nil {
		err = d.settler.storeLater(ctx)
	}
	return found + w.probes, more || w.more, err
}

// take takes in what a turn has claimed.
func (d *dispatcher) take(w *want, a store.Answer) (found int, more bool) {
	if found, more = d.claimer.claimed(w, a); found > 0 {
		d.rhythm.Claimed(time.Now())
	}
	return found, more
}

// turnInParts does by themselves the parts of a turn that the database has refused as a whole, or that met a lock. What
// can't be written then holds up nothing else.
func (d *dispatcher) turnInParts(
	ctx context.Context, r store.Request, w *want, why error,
) (found int, more bool, err error) {
	d.hold.claims.ended = append(d.hold.claims.ended, r.Ended...)
	outcomes := r.Settle
	for _, b := range r.Back {
		outcomes = append(outcomes, waitAgain(b))
	}
	if len(outcomes) > 0 {
		if err := d.settler.storeParts(ctx, outcomes); err != nil {
			return 0, false, err
		}
	}
	claims := w.claims()
	if len(outcomes) > 0 || len(claims) > 1 {
		why = nil // it is not known what was refused
	}
	for _, claim := range claims {
		err := why
		alone := w.only(claim)
		var a store.Answer
		if why == nil {
			claim.ID, alone.asked = uuid.NewString(), bootTime()
			part := store.Request{Newest: alone.newest, Oldest: alone.oldest}
			err = d.during(ctx, func(ctx context.Context) (err error) {
				a, err = d.store.Exchange(ctx, part)
				return err
			})
		}
		switch {
		case err == nil:
			n, _ := d.take(&alone, a)
			found += n
		case store.IsRefusal(err):
			err = d.claimer.claimRefused(ctx, claim, err)
		case store.SQLState(err) != store.LockNotAvailable: // that would be of the whole table
			d.claimer.lose(&alone)
		}
		if err != nil {
			return found, false, fmt.Errorf("claim: %w", err)
		}
	}
	return found, len(claims) > 0, nil
}
