package outbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/submsg/submsg/outbox/internal/store"
)

// claimer decides what a turn claims, and takes in what it has got.
type claimer struct {
	*delivery
	store   *store.Store
	skipped *skiplist
	pace    pacer
	seeker  seeker
	clock   databaseClock
	paused  bool // there are pauses to probe
	most    int  // how many rows to claim at once at most: fewer after the database refused some

	newestAt time.Duration // when the newest were last claimed
	probedAt time.Duration // when pauses were last asked for a probe
	woken    time.Time     // when the wake was heard that led to this round; zero: there was none
}

// want is what a turn claims.
type want struct {
	newest, oldest *store.Claim
	front, whole   bool // of the oldest: from the front of the queues, and of everything that may go
	permits        int
	asked          time.Duration // when it was decided
	probes         int           // were claimed already
	more           bool          // there was no room for all
}

// claims are those that there are.
func (w *want) claims() (list []*store.Claim) {
	for _, claim := range []*store.Claim{w.newest, w.oldest} {
		if claim != nil {
			list = append(list, claim)
		}
	}
	return list
}

// want decides what to claim. The probe of a pause comes first, because no backlog may put it off.
func (c *claimer) want(ctx context.Context) (w want, err error) {
	room := min(c.room(), c.most)
	if room <= 0 {
		w.more = true
		return w, nil
	}
	if w.permits, err = c.pace.takePermits(ctx, room); err != nil || w.permits == 0 {
		w.more = c.pace.untilPermit() > 0
		return w, err
	}
	n := w.permits
	if c.paused && !(c.backlog && bootTime()-c.probedAt < newestEvery) {
		var again bool
		if w.probes, again, err = c.probe(ctx); err != nil {
			return w, err
		}
		w.more = again
		n -= w.probes
	}
	now := bootTime()
	w.asked = now
	c.seeker.pass(c.hold.takePassed())
	if share := c.newestShare(n, now); share > 0 {
		w.newest = c.newClaim(share)
		w.newest.Newest, w.newest.People = true, c.hold.everybody()
		c.seeker.seek(w.newest, now, false)
		c.newestAt = now
		n -= share
	}
	if n > 0 {
		w.oldest = c.newClaim(n)
		w.oldest.People = c.hold.behindOthers()
		w.front = c.seeker.atFront(now)
		w.whole = c.seeker.seek(w.oldest, now, w.front)
	}
	return w, nil
}

// room is how many messages may be claimed now: for each free sender one, and while there is a backlog some ahead.
func (c *claimer) room() int {
	target := 0
	if c.backlog && c.cfg.Rate == 0 {
		target = c.ahead.target()
	}
	return c.cfg.Senders + target - c.hold.inHand()
}

// newestShare is how many of n messages are to be of the newest.
func (c *claimer) newestShare(n int, now time.Duration) int {
	switch {
	case c.cfg.Rate > 0:
		return c.pace.newestPermits(n)
	case c.backlog && n > 0 && now-c.newestAt > newestEvery:
		return max(n/newestShare, 1)
	}
	return 0
}

func (c *claimer) newClaim(n int) *store.Claim {
	return &store.Claim{ID: uuid.NewString(), Limit: n, Skip: c.skipped.ids(), Lease: c.cfg.Lease,
		End: c.clock.at(bootTime() + statementTimeout)}
}

// claimed takes in what a turn has claimed.
func (c *claimer) claimed(w *want, a store.Answer) (found int, more bool) {
	c.clock.read(a.Clock, bootTime())
	list := c.messages(w.asked, a.Newest.Rows, a.Oldest.Rows)
	found = len(list)
	if w.permits > 0 {
		c.pace.spendPermits(w.permits, found+w.probes)
	}
	if w.newest != nil {
		c.pace.sinceNewest = 0
	}
	if len(w.claims()) > 0 {
		c.most = min(2*c.most, (1+mostAhead)*c.cfg.Senders)
	}
	if w.front {
		c.seeker.frontAt, c.seeker.frontTook = w.asked, bootTime()-w.asked
	}
	if w.oldest != nil {
		more = c.seeker.found(w.oldest, a.Oldest, w.whole)
		c.pace.countBacklog(len(a.Oldest.Rows), more)
		c.backlog = more
	}
	c.begin(list)
	return found, more || w.newest != nil && w.oldest == nil
}

// messages are the rows of a claim that was asked for then, in the order in which they go.
func (c *claimer) messages(asked time.Duration, lists ...[]store.Row) (all []message) {
	for _, rows := range lists {
		for _, r := range rows {
			all = append(all, message{Row: r, deadline: asked + c.cfg.SendTimeout, woken: c.woken})
		}
	}
	slices.SortStableFunc(all, func(a, b message) int {
		switch {
		case a.Position.Before(b.Position):
			return -1
		case b.Position.Before(a.Position):
			return 1
		}
		return 0
	})
	return all
}

// lose remembers the claims of a turn whose answer was lost: their rows may be "sending" with nobody to send them.
func (c *claimer) lose(w *want) {
	for _, claim := range w.claims() {
		c.hold.claims.lose(claim.ID, bootTime())
	}
}

// claimRefused makes the next claim half as large as one that the database has refused, down to the single message that
// can't be written, which is skipped. After that claims grow again.
func (c *claimer) claimRefused(ctx context.Context, claim *store.Claim, why error) error {
	if claim.Limit > 1 {
		c.most = max(1, min(c.most, claim.Limit)/2)
		return nil
	}
	return c.skipFirst(ctx, claim, false, why)
}

// skipFirst skips the row that a refused claim of a single message was about. The database doesn't say which row that
// was, so the claim is made again without its UPDATE.
func (c *claimer) skipFirst(ctx context.Context, claim *store.Claim, probe bool, why error) error {
	if c.skipped.full() {
		return why
	}
	var id int64
	var ok bool
	err := c.during(ctx, func(ctx context.Context) (err error) {
		id, ok, err = c.store.FirstOf(ctx, claim, probe)
		return err
	})
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if ok { // otherwise somebody else has it
		c.skipped.skip(id, why)
	}
	return nil
}

// probe claims the message that tests a pause. again: the database refused that message, so it is skipped, and another
// one can be claimed.
func (c *claimer) probe(ctx context.Context) (n int, again bool, err error) {
	asked := bootTime()
	c.probedAt = asked
	claim := c.newClaim(1)
	claim.Depth, claim.People = leastDepth, c.hold.everybody()
	var got store.Claimed
	err = c.during(ctx, func(ctx context.Context) (err error) {
		got, err = c.store.Probe(ctx, claim, c.cfg.ProbeEvery)
		return err
	})
	switch {
	case err == nil:
		c.begin(c.messages(asked, got.Rows))
		return len(got.Rows), false, nil
	case store.IsRefusal(err):
		return 0, true, c.skipFirst(ctx, claim, true, err)
	case store.SQLState(err) == store.LockNotAvailable:
		return 0, false, nil
	}
	c.hold.claims.lose(claim.ID, bootTime())
	return 0, false, fmt.Errorf("probe: %w", err)
}

// askPermits takes permits from the bucket.
func (c *claimer) askPermits(ctx context.Context, n int) (p store.Permits, err error) {
	err = c.during(ctx, func(ctx context.Context) (err error) {
		p, err = c.store.TakePermits(ctx, n, c.cfg.Rate, c.skipped.ids())
		return err
	})
	return p, err
}
