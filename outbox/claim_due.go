package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// claimForFreeSenders waits for a free sender and claims for all that are free, as far as the rate allows. full:
// there may be more due.
func (c *claimer) claimForFreeSenders(ctx context.Context) (full bool, n int, err error) {
	if c.pace.untilPermit() > 0 {
		return true, 0, nil
	}
	select {
	case <-ctx.Done():
		return false, 0, ctx.Err()
	case <-time.After(min(time.Until(c.lookedAt.Add(c.cfg.Poll)), 2*busyPollFor)):
		return true, 0, nil // all senders are busy, and the settler claims for them
	case <-c.freeSenders:
	}
	free := 1 + len(c.freeSenders) // nobody else takes any
	for range free - 1 {
		<-c.freeSenders
	}
	defer func() {
		for range free - n {
			c.freeSenders <- struct{}{}
		}
	}()
	most, err := c.pace.takePermits(ctx, min(free, c.most))
	if err != nil || most == 0 {
		return c.pace.untilPermit() > 0, 0, err
	}
	n, full, err = c.claimUpTo(ctx, most)
	c.countClaimed(n)
	c.pace.spendPermits(most, n)
	return full, n, err
}

// claimUpTo claims up to most messages and hands them to the senders. The probe of a pause comes first, because no
// backlog may put it off.
func (c *claimer) claimUpTo(ctx context.Context, most int) (n int, full bool, err error) {
	wake := c.firstWake.Swap(nil)
	if c.paused {
		c.hasBacklog.Store(false)
		got, again, err := c.probePause(ctx)
		if err != nil {
			return 0, false, err
		}
		c.startSends(noteWake(wake, got))
		n, full = len(got), again
	}
	if share := c.pace.newestPermits(most - n); share > 0 {
		got, _, err := c.claimFrom(ctx, newest, share)
		if err != nil {
			return n, false, err
		}
		c.pace.sinceNewest = 0
		c.startSends(noteWake(wake, got))
		n += len(got)
	}
	if n == most {
		return n, true, nil
	}
	got, more, err := c.claimFrom(ctx, oldest, most-n)
	if err != nil {
		return n, false, err
	}
	c.pace.countBacklog(len(got), more)
	c.hasBacklog.Store(more && c.most == c.cfg.Senders && !c.paused && c.cfg.Rate == 0)
	c.startSends(noteWake(wake, got))
	return n + len(got), full || more, nil
}

// noteWake notes in claimed messages the wake that led to their claim, if one did.
func noteWake(wake *time.Time, got []claimed) []claimed {
	if wake != nil {
		for i := range got {
			got[i].Woken = *wake
		}
	}
	return got
}

// claimFrom claims up to n messages. When the database refuses that, the next claim is of half as many, down to the
// single message that can't be written; then they grow again.
func (c *claimer) claimFrom(ctx context.Context, from selection, n int) (got []claimed, full bool, err error) {
	got, err = c.finishClaim(ctx, func(ctx context.Context, id string) ([]claimed, error) {
		return c.claim(ctx, id, from, n)
	})
	switch {
	case err == nil:
		c.most = min(2*c.most, c.cfg.Senders)
		return got, len(got) == n, nil
	case !isRefusal(err):
		return nil, false, err
	case n > 1:
		c.most = n / 2
		return nil, true, nil
	}
	return nil, true, c.skipNext(ctx, err, from)
}

// probePause claims the message that tests a pause. again: the database refused that message, so it is skipped, and
// another one can be claimed.
func (c *claimer) probePause(ctx context.Context) (got []claimed, again bool, err error) {
	got, err = c.finishClaim(ctx, c.claimProbe)
	if again = isRefusal(err); again {
		err = c.skipNext(ctx, err, probes)
	}
	return got, again, err
}

// finishClaim finishes a claim even while the consumer stops, and remembers one whose answer was lost: its rows may
// be "sending" with nobody to send them.
func (c *claimer) finishClaim(
	ctx context.Context, claim func(ctx context.Context, id string) ([]claimed, error),
) ([]claimed, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	id := uuid.NewString()
	got, err := claim(ctx, id)
	if err != nil {
		if !isRefusal(err) { // a refusal is an answer
			c.claims.lose(id)
		}
		return nil, fmt.Errorf("claim: %w", err)
	}
	return got, nil
}
