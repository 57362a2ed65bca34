package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// claimFree waits for a free sender and claims for all that are free, as far as the rate allows. full: there may be more due.
func (r *round) claimFree(ctx context.Context) (full bool, n int, err error) {
	if r.untilPermit() > 0 {
		return true, 0, nil
	}
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
	most, err := r.permits(ctx, min(free, r.most))
	if err != nil || most == 0 {
		return r.untilPermit() > 0, 0, err
	}
	n, full, err = r.claimUpTo(ctx, most)
	r.note(n)
	r.spend(most, n)
	return full, n, err
}

// claimUpTo claims and starts up to most messages: first what tests a pause, which no backlog may put off.
func (r *round) claimUpTo(ctx context.Context, most int) (n int, full bool, err error) {
	woken := r.heard.Swap(nil)
	if r.paused {
		r.hungry.Store(false)
		got, again, err := r.claimProbe(ctx)
		if err != nil {
			return 0, false, err
		}
		r.start(after(woken, got))
		n, full = len(got), again
	}
	if fresh := r.freshPermits(most - n); fresh > 0 {
		got, _, err := r.claimMost(ctx, newest, fresh)
		if err != nil {
			return n, false, err
		}
		r.pace.behind = 0
		r.start(after(woken, got))
		n += len(got)
	}
	if n == most {
		return n, true, nil
	}
	got, more, err := r.claimMost(ctx, oldest, most-n)
	if err != nil {
		return n, false, err
	}
	r.queue(len(got), more)
	r.hungry.Store(more && r.most == r.cfg.Senders && !r.paused && r.cfg.Rate == 0)
	r.start(after(woken, got))
	return n + len(got), full || more, nil
}

// after notes the wake that has led to a claim, if it was one.
func after(wake *time.Time, got []claimed) []claimed {
	if wake != nil {
		for i := range got {
			got[i].Woken = *wake
		}
	}
	return got
}

// claimMost claims up to n messages. When the database refuses that, it is half as many the next time, down to the one message
// that can't be written, and then more again.
func (r *round) claimMost(ctx context.Context, from lane, n int) (got []claimed, full bool, err error) {
	got, err = r.claimSafely(ctx, func(ctx context.Context, id string) ([]claimed, error) { return r.take(ctx, id, from, n) })
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
	return nil, true, r.shunNext(ctx, err, from)
}

// claimProbe claims what tests a pause. again: what it would have taken is left alone from now on.
func (r *round) claimProbe(ctx context.Context) (got []claimed, again bool, err error) {
	got, err = r.claimSafely(ctx, r.probe)
	if again = refusal(err); again {
		err = r.shunNext(ctx, err, probes)
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
