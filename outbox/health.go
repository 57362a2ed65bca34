package outbox

import (
	"sync/atomic"
	"time"
)

// health is what the dispatcher tells others about itself. Each value is written by it alone and is true by itself.
type health struct {
	began    time.Time
	beaten   atomic.Int64 // when the dispatcher last began a step: nanoseconds since began, by the monotonic clock
	deadline atomic.Int64 // the first deadline of the sends under way then, by the boot clock; 0: none
	inHand   atomic.Int64 // messages that it holds, claimed and not settled
	ahead    atomic.Int64 // those of them that no sender has yet
	most     atomic.Int64 // inHand is never more

	standing atomic.Pointer[standing]
	trouble  atomic.Pointer[string] // why claims don't work; nil: they do, as far as is known
}

func newHealth() *health { return &health{began: time.Now()} }

// beat notes that the dispatcher begins a step.
func (h *health) beat(hold *holdings, most int) {
	h.beaten.Store(int64(time.Since(h.began)))
	h.deadline.Store(int64(hold.oldestDeadline()))
	h.inHand.Store(int64(hold.inHand()))
	h.ahead.Store(int64(hold.waiting()))
	h.most.Store(int64(most))
}

// claims notes whether claims work: why is "" then.
func (h *health) claims(why string) {
	if why == "" {
		h.trouble.Store(nil)
	} else {
		h.trouble.Store(&why)
	}
}

func (h *health) silence() time.Duration {
	return time.Since(h.began) - time.Duration(h.beaten.Load())
}

// overdue is for how long a send has been over its deadline.
func (h *health) overdue() time.Duration {
	if deadline := time.Duration(h.deadline.Load()); deadline > 0 {
		return max(bootTime()-deadline, 0)
	}
	return 0
}

// Alive tells whether Run makes progress. It is false when the dispatcher has done nothing for longer than its steps
// may take together, and when a sender doesn't come back long after its deadline. A database or a channel that is away
// doesn't make it false, because that is outlived; a consumer that isn't alive can only be restarted.
func (c *Consumer) Alive() bool {
	const grace = 4 * statementTimeout
	return c.dispatcher.health.silence() < c.cfg.SendTimeout+grace && c.dispatcher.health.overdue() < grace
}

// Load is how many messages this consumer holds.
type Load struct {
	InHand int // claimed and not settled: so many are in doubt if the process dies
	Ahead  int // those of them that no sender has yet
	Most   int // InHand is never more
}

// Load tells how many messages the consumer held when it last looked.
func (c *Consumer) Load() Load {
	h := c.dispatcher.health
	return Load{InHand: int(h.inHand.Load()), Ahead: int(h.ahead.Load()), Most: int(h.most.Load())}
}

// Unready tells of each account by name why it can send nothing; "" if it can.
func (c *Consumer) Unready() map[string]string {
	if s := c.dispatcher.health.standing.Load(); s != nil {
		return s.accounts
	}
	return nil
}

// Trouble says why messages are not claimed although they could be sent: the database is away, or refuses what has to
// be written. It is "" while claims work. A Sender that isn't ready and a pause are no such trouble.
func (c *Consumer) Trouble() string {
	if why := c.dispatcher.health.trouble.Load(); why != nil {
		return *why
	}
	return ""
}
