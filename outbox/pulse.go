package outbox

import (
	"sync/atomic"
	"time"
)

// pulse is when the pump last began a step, so that a hang can be told from rest.
type pulse struct {
	began time.Time
	last  atomic.Int64 // nanoseconds since began, by the monotonic clock
}

func (p *pulse) beat() { p.last.Store(int64(time.Since(p.began))) }

func (p *pulse) silence() time.Duration { return time.Since(p.began) - time.Duration(p.last.Load()) }

// Alive tells whether Run goes on: false when it has done nothing for longer than its steps may take together. A database or
// a channel that is away is outlived, and no reason; what isn't alive can only be restarted.
func (c *Consumer) Alive() bool {
	return c.pulse.silence() < c.cfg.SendTimeout+4*statementTimeout
}
