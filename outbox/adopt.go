package outbox

import (
	"context"
	"time"
)

const (
	adoptEvery   = 24 * time.Hour
	adoptAgain   = time.Minute // after it failed
	adoptTimeout = 5 * time.Minute
)

// Whoever writes "sending" past the guards, or loads the table of messages without that of claims, leaves rows that no
// sweep finds. This notes them as the claims that they say they are.
const adoptSQL = `
INSERT INTO subMsgClaim (claimId, leaseUntil, ids)
SELECT claimId, max(leaseUntil), array_agg(id) FROM subMsgList m
WHERE sendStatus = 'sending' AND NOT EXISTS (SELECT FROM subMsgClaim c WHERE c.claimId = m.claimId AND m.id = ANY (c.ids))
GROUP BY claimId
ON CONFLICT DO NOTHING`

// adopt notes the claims that nobody has noted, at the start and every day, until ctx is done. There is no index to find
// them by, as it would cost every claim and settlement.
func (c *Consumer) adopt(ctx context.Context) {
	for {
		rest := adoptEvery
		n, err := c.adoptNow(ctx)
		if n > 0 {
			c.cfg.Log.WithField("claims", n).Warn(`found messages that are "sending" in nobody's name: they will be unknown when their lease is over`)
			c.wakeUp() // the pump has looked before
		}
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.Warnf("could not look for messages that nobody is sending, the next try is in %s: %v", adoptAgain, err)
			rest = adoptAgain
		}
		if !sleep(ctx, rest) {
			return
		}
	}
}

func (c *Consumer) adoptNow(ctx context.Context) (claims int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, adoptTimeout)
	defer cancel()
	tag, err := c.cfg.Pool.Exec(ctx, adoptSQL)
	return tag.RowsAffected(), err
}
