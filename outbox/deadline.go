package outbox

import (
	"context"
	"time"
)

// sendContext is the context of a send. It ends by a timer as others do, and besides it is over as soon as its time by
// the boot clock has passed: so whoever asks right before he sends isn't deceived by a machine that was suspended.
type sendContext struct {
	context.Context
	deadline time.Duration
}

func withBootDeadline(ctx context.Context, deadline time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, deadline-bootTime())
	return sendContext{ctx, deadline}, cancel
}

// Err is context.Context's.
func (c sendContext) Err() error {
	if err := c.Context.Err(); err != nil {
		return err
	}
	if bootTime() > c.deadline {
		return context.DeadlineExceeded
	}
	return nil
}
