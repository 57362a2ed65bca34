package outbox

import "context"

// DeleteOld is one pass of the retention, step ids at a time.
func (c *Consumer) DeleteOld(ctx context.Context, step int) (gone int64, err error) {
	return (&deleter{c.cfg, c.housekeeper.store}).pass(ctx, step)
}
