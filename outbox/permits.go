package outbox

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/submsg/submsg/outbox/internal/store"
	"github.com/submsg/submsg/outbox/internal/wake"
)

// takePermits takes leave to send up to so many messages from the buckets of accounts with a rate.
func (c *claimer) takePermits(ctx context.Context, room int) error {
	var asks []store.Ask
	var of []*account
	now := time.Now()
	for _, a := range c.accounts.list {
		if !a.sends() {
			continue
		}
		if n := a.pace.toAsk(min(room, c.room(a)), now); n > 0 {
			asks = append(asks, store.Ask{Account: a.Name, Templates: a.Templates, N: n, Rate: a.Rate})
			of = append(of, a)
		}
	}
	return c.share(ctx, asks, of, now)
}

// share takes permits from the buckets of accounts. A locked bucket holds up no other account.
func (c *claimer) share(ctx context.Context, asks []store.Ask, of []*account, now time.Time) error {
	if len(asks) == 0 {
		return nil
	}
	got, err := c.askPermits(ctx, asks)
	switch {
	case err == nil:
		for i, p := range got {
			of[i].pace.told(asks[i].N, p, now)
		}
	case store.SQLState(err) != store.LockNotAvailable:
		return fmt.Errorf("pace: %w", err)
	case len(asks) == 1:
		of[0].pace.metLock(now)
	default: // one of them is locked
		for i := range asks {
			if err := c.share(ctx, asks[i:i+1], of[i:i+1], now); err != nil {
				return err
			}
		}
	}
	return nil
}

// askPermits takes permits from buckets.
func (c *claimer) askPermits(ctx context.Context, asks []store.Ask) (got []store.Permits, err error) {
	err = c.during(ctx, func(ctx context.Context) (err error) {
		got, err = c.store.TakePermits(ctx, asks, c.skipped.ids(), c.catalogues.leave)
		return err
	})
	return got, err
}

// newestShare is how many of n messages of an account are to be of the newest.
func (c *claimer) newestShare(a *account, n int, now time.Duration) int {
	switch {
	case a.Rate > 0:
		return a.pace.newestPermits(n)
	case a.backlog && n > 0 && now-a.newestAt > newestEvery:
		return max(n/newestShare, 1)
	}
	return 0
}

// untilMore is how long there is certainly nothing to claim, where there was more: until a permit, or a free sender.
func (c *claimer) untilMore() time.Duration {
	const never = time.Duration(math.MaxInt64)
	rest, room := never, false
	for _, a := range c.accounts.list {
		if !a.sends() || c.room(a) <= 0 {
			continue
		}
		room = true
		if wait := a.pace.untilPermit(); wait > 0 || a.backlog {
			rest = min(rest, wait)
		}
	}
	switch {
	case !room:
		return 2 * wake.BusyPollFor
	case rest == never:
		return 0
	}
	return rest
}
