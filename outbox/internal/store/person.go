package store

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// sentElsewhereSQL tells to which people messages are "sending" in other claims than those given, and for how long
// their leases let them. It looks at the rows of every claim, so it is asked only where the channel has said that it
// refuses a message for that.
const sentElsewhereSQL = `
SELECT DISTINCT m.openid FROM subMsgClaim c JOIN subMsgList m ON m.id = ANY (c.ids) AND m.claimId = c.claimId
WHERE c.claimId <> ALL ($2::uuid[]) AND m.sendStatus = 'sending' AND m.leaseUntil > now() AND m.openid = ANY ($1)`

// SentElsewhere returns those of some people to whom others send, which is whoever has claims that are not own.
func (s *Store) SentElsewhere(ctx context.Context, openids, own []string) (busy []string, err error) {
	batch := new(pgx.Batch)
	batch.Queue(planSQL)
	batch.Queue(sentElsewhereSQL, openids, orEmpty(own)).Query(func(rows pgx.Rows) (err error) {
		busy, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return busy, s.Pool.SendBatch(ctx, batch).Close()
}
