package outbox

import (
	"context"
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
	clock   databaseClock
	paused  bool // there are pauses to probe
	crowded bool // messages of so many templates wait that each is better sought by itself
	most    int  // how many rows to claim at once at most: fewer after the database refused some

	probedAt time.Duration // when pauses were last asked for a probe
	woken    time.Time     // when the wake was heard that led to this round; zero: there was none
}

// want is what a turn claims.
type want struct {
	parts          []wanted
	newest, oldest *store.Claim
	asked          time.Duration // when it was decided
	probes         int           // were claimed already
	more           bool          // there was no room for all
}

// wanted is what a turn claims of one account.
type wanted struct {
	*account
	may            int // so many messages
	newest, oldest store.Part
	front, whole   bool // of the oldest: from the front of the queues, and of everything that may go
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

// only is what is wanted by one of the claims.
func (w *want) only(claim *store.Claim) want {
	alone := want{asked: w.asked}
	for _, p := range w.parts {
		if claim.Newest {
			alone.newest, p.oldest = claim, store.Part{}
		} else {
			alone.oldest, p.newest = claim, store.Part{}
		}
		alone.parts = append(alone.parts, p)
	}
	return alone
}

// want decides what to claim. The probe of a pause comes first, because no backlog may put it off.
func (c *claimer) want(ctx context.Context) (w want, err error) {
	room := min(c.most, c.accounts.most()-c.hold.inHand())
	if err := c.takePermits(ctx, room); err != nil {
		return w, err
	}
	busy := false
	for _, a := range c.accounts.list {
		may := min(c.room(a), room)
		switch {
		case !a.sends():
		case may <= 0:
			busy, a.backlog = true, true // as far as is known
		case a.pace.may(may) <= 0:
			w.more = w.more || a.pace.untilPermit() > 0
		default:
			w.parts = append(w.parts, wanted{account: a, may: a.pace.may(may)})
		}
	}
	if len(w.parts) == 0 {
		w.more = w.more || busy
		return w, nil
	}
	if c.paused && !(c.accounts.backlog() && bootTime()-c.probedAt < newestEvery) {
		var again bool
		if again, err = c.probe(ctx, &w); err != nil {
			return w, err
		}
		w.more = w.more || again
	}
	w.asked = bootTime()
	c.fill(&w, room)
	return w, nil
}

// fill makes the claims of what is wanted.
func (c *claimer) fill(w *want, room int) {
	passed := c.hold.takePassed()
	newest, oldest := c.newClaim(room), c.newClaim(room)
	newest.Newest, oldest.People = true, c.hold.behindOthers()
	for i := range w.parts {
		p := &w.parts[i]
		p.seeker.pass(passed)
		n := p.may
		if share := c.newestShare(p.account, n, w.asked); share > 0 {
			p.newest = store.Part{Account: p.Name, Alone: p.OnePersonAtATime, Limit: share}
			p.seeker.seek(&p.newest, w.asked, true, false)
			p.newestAt = w.asked
			newest.People = append(newest.People, p.seeker.leaveOut(true, false)...)
			newest.Parts = append(newest.Parts, p.newest)
			n -= share
		}
		if n > 0 {
			p.oldest = store.Part{Account: p.Name, Alone: p.OnePersonAtATime, Limit: n}
			p.front = p.seeker.atFront(w.asked)
			oldest.People = append(oldest.People, p.seeker.leaveOut(false, p.front)...)
			p.whole = p.seeker.seek(&p.oldest, w.asked, false, p.front)
			oldest.Parts = append(oldest.Parts, p.oldest)
		}
	}
	if len(newest.Parts) > 0 {
		newest.People = append(newest.People, c.hold.everybody()...)
		w.newest = c.jump(newest)
	}
	if len(oldest.Parts) > 0 {
		w.oldest = c.jump(oldest)
	}
}

// jump lets a claim of many templates find those that wait.
func (c *claimer) jump(claim *store.Claim) *store.Claim {
	n := 0
	for _, p := range claim.Parts {
		n += len(p.Seek)
	}
	claim.Jump = n > fewTemplates && !c.crowded
	return claim
}

// room is how many messages of an account may be claimed now: for each free sender one, and while there is a backlog
// some ahead.
func (c *claimer) room(a *account) int {
	target := 0
	if a.backlog && a.Rate == 0 {
		target = a.ahead.target()
	}
	return a.Senders + target - a.queue.inHand()
}

func (c *claimer) newClaim(n int) *store.Claim {
	return &store.Claim{ID: uuid.NewString(), Limit: n, Skip: c.skipped.ids(), Lease: c.cfg.Lease,
		Leave: c.catalogues.leave, End: c.clock.at(bootTime() + statementTimeout)}
}

// claimed takes in what a turn has claimed.
func (c *claimer) claimed(w *want, a store.Answer) (found int, more bool) {
	c.clock.read(a.Clock, bootTime())
	list := c.messages(w.asked, a.Newest.Rows, a.Oldest.Rows)
	found = len(list)
	if len(w.claims()) > 0 {
		c.most = min(2*c.most, c.accounts.most())
	}
	for i := range w.parts {
		more = c.partClaimed(w, &w.parts[i], a) || more
	}
	c.begin(list)
	return found, more
}

// partClaimed takes in what a turn has claimed of one account.
func (c *claimer) partClaimed(w *want, p *wanted, a store.Answer) (more bool) {
	newest, oldest := c.of(p.account, a.Newest), c.of(p.account, a.Oldest)
	p.pace.spend(p.may, len(newest.Rows)+len(oldest.Rows))
	if p.newest.Limit > 0 {
		p.pace.sinceNewest = 0
	}
	if p.oldest.Limit == 0 {
		return p.newest.Limit > 0
	}
	if p.front {
		p.seeker.frontAt, p.seeker.frontTook = w.asked, bootTime()-w.asked
	}
	p.backlog = p.seeker.found(&p.oldest, w.oldest.People, oldest, p.whole) || len(a.Oldest.Rows) >= w.oldest.Limit
	p.pace.countBacklog(len(oldest.Rows), p.backlog)
	return p.backlog
}

// of is what of a claim is an account's.
func (c *claimer) of(a *account, got store.Claimed) (own store.Claimed) {
	if len(c.accounts.list) == 1 {
		return got
	}
	for _, r := range got.Rows {
		if c.accounts.accountOf(r.TemplateID) == a {
			own.Rows = append(own.Rows, r)
		}
	}
	for _, e := range got.Ends {
		if c.accounts.accountOf(e.TemplateID) == a {
			own.Ends = append(own.Ends, e)
		}
	}
	return own
}

// messages are the rows of a claim that was asked for then, in the order in which they go.
func (c *claimer) messages(asked time.Duration, lists ...[]store.Row) (all []message) {
	for _, rows := range lists {
		for _, r := range rows {
			all = append(all, message{Row: r, account: c.accounts.accountOf(r.TemplateID),
				deadline: asked + c.cfg.SendTimeout, woken: c.woken})
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
