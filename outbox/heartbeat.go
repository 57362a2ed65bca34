package outbox

import (
	"sync/atomic"
	"time"
)

// heartbeat is when the claimer last began a step. It tells a claimer that hangs from one that rests.
type heartbeat struct {
	began time.Time
	last  atomic.Int64 // nanoseconds since began, by the monotonic clock
}

func (h *heartbeat) beat() { h.last.Store(int64(time.Since(h.began))) }

func (h *heartbeat) silence() time.Duration {
	return time.Since(h.began) - time.Duration(h.last.Load())
}

// Alive tells whether Run goes on. It is false when the claimer has done nothing for longer than its steps may take
// together. A database or a channel that is away doesn't make it false, because that is outlived; a consumer that
// isn't alive can only be restarted.
func (c *Consumer) Alive() bool {
	return c.heartbeat.silence() < c.cfg.SendTimeout+4*statementTimeout
}
