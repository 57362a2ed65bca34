package outbox

import "context"

// Forget is one pass of the retention, step ids at a time.
func (c *Consumer) Forget(ctx context.Context, step int) (gone int64, err error) {
	return c.forget(ctx, step)
}
