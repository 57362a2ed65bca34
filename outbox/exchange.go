package outbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// While there is a backlog, what is settled and what is claimed in its stead go in one transaction: one round trip, one
// flush of the WAL. And outcomes are let come together for a moment: what a statement costs whatever its size is then
// paid for many messages.

const (
	// Outcomes are gathered for twice as long as the last exchange took, within these bounds, until a quarter of the senders
	// have come back.
	gatherShare             = 2
	gatherLeast, gatherMost = time.Millisecond, 10 * time.Millisecond
	gatherSenders           = 4
	// While there is a backlog, new messages are claimed past it so often, and so many of the free senders are theirs.
	freshEvery  = 20 * time.Millisecond
	freshShare  = 4
	freshWithin = 10 * time.Second
	// A claim from the front of the queue is made as seldom as costs a tenth of the time.
	frontShare = 10
	frontEvery = 50 * time.Millisecond
)

// backlog is what the settler remembers of its exchanges.
type backlog struct {
	after     place         // claims begin here
	frontAt   time.Time     // when one began at the front
	frontTook time.Duration // how long that took
	freshAt   time.Time     // when new messages were claimed
	took      time.Duration // the last exchange
}

// gather takes the verdicts that are there, and while there is a backlog waits for more.
func (c *Consumer) gather(batch []judged) []judged {
	for n := len(c.verdicts); n > 0; n-- {
		batch = append(batch, <-c.verdicts)
	}
	if !c.hungry.Load() {
		return batch
	}
	limit := time.NewTimer(min(max(gatherShare*c.backlog.took, gatherLeast), gatherMost))
	defer limit.Stop()
	for len(batch) < c.cfg.Senders/gatherSenders {
		select {
		case j, ok := <-c.verdicts:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		case <-limit.C:
			return batch
		}
	}
	return batch
}

// exchange settles rows and claims as many. ok: it did; otherwise nothing is known to be done, and the settler and the pump
// do it each for itself.
func (c *Consumer) exchange(ctx context.Context, rows []settlement) (left []settlement, got []claimed, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	if !c.readyNow(ctx) {
		return rows, nil, false
	}
	var done []int64
	batch := new(pgx.Batch)
	queueSettlements(batch, rows, &done)
	n, began := len(rows), time.Now()
	defer func() { c.backlog.took = time.Since(began) }()
	from := oldest
	from.after, from.id = c.backlog.after.dueAt, c.backlog.after.id
	if atFront := time.Since(c.backlog.frontAt) > max(frontEvery, frontShare*c.backlog.frontTook); atFront {
		from = oldest
		defer func() { c.backlog.frontAt, c.backlog.frontTook = time.Now(), time.Since(began) }()
	}
	var fresh []claimed
	id, freshID := uuid.NewString(), uuid.NewString()
	if time.Since(c.backlog.freshAt) > freshEvery {
		c.backlog.freshAt = time.Now()
		share := max(n/freshShare, 1)
		n -= share
		c.queueClaim(batch, &fresh, freshID, newest, share)
	}
	c.queueClaim(batch, &got, id, from, n)
	if err := c.cfg.Pool.SendBatch(ctx, batch).Close(); err != nil {
		if !refusal(err) && sqlState(err) != lockNotAvailable {
			c.claims.lose(id)
			c.claims.lose(freshID)
		}
		return rows, nil, false
	}
	c.claims.begin(id, len(got))
	c.claims.begin(freshID, len(fresh))
	for _, m := range got {
		if c.backlog.after.before(m.place) {
			c.backlog.after = m.place
		}
	}
	if len(got) < n {
		c.sated()
	}
	return without(rows, done), append(fresh, got...), true
}

// readyNow asks the sender what the pump asks before it claims, and doesn't wait for it: outcomes are to be written.
func (c *Consumer) readyNow(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, gatherMost)
	defer cancel()
	return c.cfg.Sender.Ready(ctx).Outcome == Accepted
}

// sated ends exchanges: the pump claims by itself.
func (c *Consumer) sated() {
	c.hungry.Store(false)
	c.backlog.after = front
	c.wakeUp()
}
